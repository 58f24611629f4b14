"""The health check of a container, run as the container runs it."""

import asyncio
import sys
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bus.embedded.port import free_port
from observability.http_endpoint import Endpoint, Page

DIRECTOR = Path(__file__).parents[2] / "director"
PROGRAM = DIRECTOR / "deployment" / "container_healthcheck.py"
FORMER = DIRECTOR / "ready.py"
"""The path at which Compose files of release 0.1.0 expect it."""


async def asked(port: int | None, program: Path = PROGRAM) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-IS", program, env={"AURA_METRICS_PORT": str(port)}, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode().strip()


@pytest.mark.parametrize("program", [PROGRAM, FORMER], ids=lambda path: path.name)
@pytest.mark.parametrize(
    ("status", "code"), [(HTTPStatus.OK, 0), (HTTPStatus.SERVICE_UNAVAILABLE, 1), (HTTPStatus.NOT_FOUND, 1)]
)
async def test_it_says_what_the_process_says(status: HTTPStatus, code: int, program: Path) -> None:
    async def page() -> Page:
        return Page(status, "application/json", b'{"ready": "as the status says, 200 or not"}\n')

    endpoint = Endpoint({"/readyz": page})
    url = await endpoint.open(0)
    try:
        assert await asked(urlsplit(url).port, program) == (code, '{"ready": "as the status says, 200 or not"}')
    finally:
        await endpoint.close()


async def test_a_process_that_does_not_answer_is_not_ready() -> None:
    code, said = await asked(free_port())
    assert (code, "does not answer" in said) == (1, True)
