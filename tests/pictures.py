"""The pictures of README and docs/web.md, taken in a real Chromium. `make pictures` takes them again.

The script runs the demonstration with recorded answers in a home of its own, submits its requirement a second time,
and signs in. It shows the pages as they are: nothing is drawn or changed.
"""

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
from playwright.async_api import Page, async_playwright

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
HOME = Path("/tmp/aura")
"""The home of the organisation. It is short and says nothing about the machine, because pages show folders below it."""
BYTES_MAX = 150_000
WIDTH, HEIGHT = 1280, 860
WAIT_S = 600.0
WAIT_MS = 120_000
USER = "anna"


class Shot(NamedTuple):
    """One picture. `path`: with {run} for the approved run. `scheme`: light or dark."""

    name: str
    path: str
    scheme: str = "light"
    ready: str = "main h1"


SHOTS = (
    Shot("overview", "/"),
    Shot("inbox", "/inbox", ready="[data-item]"),
    Shot("plan", "/runs/{run}?tab=plan", ready=".plan svg"),
    Shot("code-dark", "/runs/{run}?tab=code", "dark", ready=".lines"),
    Shot("costs", "/costs"),
)


def main() -> int:
    """Take all pictures. Return 1 if a picture is too large."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("Chromium is not installed.", file=sys.stderr)
        return 69
    for folder in (HOME, DEMO):
        if folder.exists():
            print(f"{folder} exists. Move it away.", file=sys.stderr)
            return 1
    try:
        run = prepared()
        sizes = asyncio.run(taken(chromium, run))
    finally:
        aura("down", check=False)
        for folder in (HOME, DEMO):
            shutil.rmtree(folder, ignore_errors=True)
    for name, size in sizes.items():
        print(f"{name}.png {size:,} bytes")
    return int(max(sizes.values()) > BYTES_MAX)


DEMO = HOME.with_name(f"{HOME.name}-demo")


def aura(*arguments: str, home: Path = DEMO, check: bool = True, text: str = "") -> str:
    """Run `aura` on a home, and return what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AURA_")}
    command = [str(Path(sys.executable).with_name("aura")), *arguments]
    done = subprocess.run(
        command, env=environment | {"AURA_HOME": str(home)}, input=text, capture_output=True, text=True, timeout=WAIT_S
    )
    if check and done.returncode:
        raise SystemExit(f"aura {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def data(*arguments: str) -> Mapping[str, object]:
    """Return the answer of a command with --json."""
    answer: Mapping[str, object] = msgspec.json.decode(aura(*arguments, "--json"))["data"]
    return answer


def prepared() -> str:
    """Run the demonstration and start its pages. Return the id of the approved run."""
    aura("demo", "--scripted", "--keep", home=HOME)
    run = msgspec.json.decode(aura("runs", "--json"))["data"]["runs"][0]["run"]
    aura("down")  # the demonstration serves no pages
    aura("up", "--no-model")
    aura("user", "init", USER, "--password-stdin", text=f"{secrets.token_urlsafe(24)}\n")
    return str(run)


async def taken(chromium: str, run: str) -> dict[str, int]:
    """Ask the manager for the same run again, and take the pictures. Return the size of each."""
    PICTURES.mkdir(exist_ok=True)
    sizes: dict[str, int] = {}
    async with async_playwright() as started:
        browser = await started.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=WAIT_MS)
        for scheme in ("light", "dark"):
            context = await browser.new_context(
                viewport={"width": WIDTH, "height": HEIGHT},
                color_scheme="dark" if scheme == "dark" else "light",
                reduced_motion="reduce",
            )
            context.set_default_timeout(WAIT_MS)
            page = await context.new_page()
            link = str(data("open")["url"])
            await page.goto(link)
            site = page.url.rstrip("/")
            if scheme == "light":
                sizes["chat"] = await asked(page, site, run)
            for shot in SHOTS:
                if shot.scheme == scheme:
                    sizes[shot.name] = await picture(page, site, shot, run)
            await context.close()
        await browser.close()
    return sizes


async def asked(page: Page, site: str, run: str) -> int:
    """Draft the same run again in the chat, take the picture of the draft, confirm it, and wait for its delivery."""
    await page.goto(f"{site}/chat")
    await page.fill("textarea[name=text]", "pause: we look at the costs first")
    await page.click("form[action='/chat'] button")
    await page.click("section.draft button")
    await page.wait_for_selector(".messages")
    await page.fill("textarea[name=text]", "resume: all is well")
    await page.click("form[action='/chat'] button")
    await page.click("section.draft button")
    await page.wait_for_selector(".messages li:nth-child(2)")
    await page.fill("textarea[name=text]", f"rerun {run[:13]}")
    await page.click("form[action='/chat'] button")
    await page.wait_for_selector("section.draft")
    file = PICTURES / "chat.png"
    await page.screenshot(path=file, animations="disabled")
    await page.click("section.draft button")
    await page.wait_for_selector(".messages li:nth-child(3)")
    await asyncio.to_thread(aura, "watch", "last")
    return file.stat().st_size


async def picture(page: Page, site: str, shot: Shot, run: str) -> int:
    """Take one picture, and return its size."""
    await page.goto(site + shot.path.format(run=run))
    await page.wait_for_selector(shot.ready)
    file = PICTURES / f"{shot.name}.png"
    await page.screenshot(path=file, animations="disabled")
    return file.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
