"""A real OpenID provider (npm oidc-provider) on loopback, and a browser that signs in there by its forms."""

import asyncio
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import httpx2
import pytest

SOURCE = Path(__file__).parent / "fixtures" / "oidc-provider"
INSTALL_WAIT_S = 180
START_WAIT_S = 60
STEPS_MAX = 12
SECRET = "a secret of the tests"


def installed() -> Path:
    """Return the folder of the provider. Without node, npm or a registry the test is skipped.

    Its locked packages stay in a folder for temporary files, so that a second run does not download them again.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(SOURCE.iterdir()))).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"aura-test-oidc-{os.getuid()}-{digest}"
    if not (folder / "complete").exists():
        shutil.copytree(SOURCE, folder, dirs_exist_ok=True)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        result = subprocess.run(command, cwd=folder, capture_output=True, timeout=INSTALL_WAIT_S, check=False)
        if result.returncode != 0:
            pytest.skip("oidc-provider cannot be installed here: npm ci failed")
        (folder / "complete").touch()
    return folder


@asynccontextmanager
async def running(port: int, redirect_uri: str) -> AsyncIterator[str]:
    """Start the provider, and yield its issuer. It ends afterwards."""
    process = await asyncio.create_subprocess_exec(
        "node", "provider.mjs", str(port), redirect_uri,
        cwd=installed(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_WAIT_S):
            while (await process.stdout.readline()).strip() != b"ready":
                assert process.returncode is None, "the provider ended"
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def sign_in_there(browser: httpx2.AsyncClient, url: str, login: str, stop_at: str) -> str:
    """Follow a browser's way through the forms of the provider. Return the address to which it sends the browser back.

    That address, which begins with `stop_at`, is not opened.
    """
    answer = await browser.get(url)
    for _ in range(STEPS_MAX):
        if answer.is_redirect:
            there = urljoin(str(answer.url), answer.headers["location"])
            if there.startswith(stop_at):
                return there
            answer = await browser.get(there)
            continue
        assert answer.status_code == 200, answer.text[:2000]
        form = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
        assert form is not None, answer.text[:2000]
        fields = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', answer.text))
        if 'name="login"' in answer.text:
            fields |= {"login": login, "password": "any"}
        answer = await browser.post(urljoin(str(answer.url), unescape(form[1])), data=fields)
    raise AssertionError("the provider has too many forms")
