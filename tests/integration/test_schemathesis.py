"""Requests that schemathesis makes from /openapi.json, with a token of each role and each scope: no server error."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

import director.cli.main  # noqa: F401  # it defines the commands
from director.cli.commands.command import COMMANDS
from director.cli.remote.running import Runner
from director.services import people
from domain.user import USER_ROLES
from governance.user_rights import TOKEN_SCOPES
from tests.integration.house import House, Sample
from tests.integration.test_http_api import served, submitted

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.timeout(1800),  # 12 processes of schemathesis
]
EXAMPLES_MAX = 3
CHECKS = ("not_a_server_error", "content_type_conformance", "response_schema_conformance", "status_code_conformance")
STREAM = "/api/events/live"
"""It does not end, and tests/integration/test_http_api.py follows it."""
EVERYTHING = ("director", tuple(TOKEN_SCOPES), "coverage,fuzzing")
TOKENS = (
    EVERYTHING,
    *((role, tuple(TOKEN_SCOPES), "fuzzing") for role in USER_ROLES if role != "director"),
    *(("director", (scope,), "fuzzing") for scope in TOKEN_SCOPES),
)
"""User, scopes of its token, phases of schemathesis. The phase coverage has one request for each edge of the schema."""


async def explored(url: str, token: str, phases: str, folder: Path) -> tuple[int, str]:
    """Run schemathesis with a token, and return its exit status and its output."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run"),
        *(f"{url}/openapi.json", "--header", f"Authorization: Bearer {token}", "--checks", ",".join(CHECKS)),
        *("--phases", phases, "--exclude-path", STREAM, "--max-examples", str(EXAMPLES_MAX)),
        *("--generation-deterministic", "--continue-on-failure", "--no-color", "--suppress-health-check", "all"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode(errors="replace")


async def test_no_request_of_schemathesis_causes_a_server_error(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The requests are the same each time. The control is a halt that the API carried out."""
    total = 0
    async with served(house, monkeypatch, Runner(COMMANDS)) as site:
        run = await submitted(site, Sample(1))
        (tmp_path / "schemathesis.toml").write_text(f'[parameters]\n"path.run" = "{run}"\n"path.event" = "2"\n')
        for user, scopes, phases in TOKENS:
            token = await people.create_token(site.opened, user, scopes=scopes, days=1)
            code, out = await explored(site.url, token.text, phases, tmp_path)
            found = re.search(r"(\d+) generated, (\d+) passed", out)
            print(user, ",".join(scopes), found.group() if found else out[-2000:], flush=True)
            assert code == 0, out
            assert found is not None
            assert found.group(1) == found.group(2)
            total += int(found.group(1))
        acted = {each.envelope.type for each in await house.log()}
    print(total, "requests without a server error")
    assert "organisation.halted" in acted, sorted(acted)
    assert total >= 2000
