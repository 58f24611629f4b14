"""Modules that a process loads only when it needs them.

nats-py needs aiohttp only for WebSocket addresses. The HTTP application needs the SDK of MCP only for requests to /mcp.
"""

import subprocess
import sys

import pytest

LOADED = "import sys; print('aiohttp.client' in sys.modules)"
NAMES = "import aiohttp; print(nats.aio.transport.aiohttp.ClientSession is aiohttp.ClientSession)"


def said(*statements: str) -> list[str]:
    program = "\n".join(statements)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=240)
    return done.stdout.split()


def test_it_is_loaded_when_it_is_used_and_not_before() -> None:
    assert said("import bus.stream, nats.aio.transport", LOADED, NAMES, LOADED) == ["False", "True", "True"]


def test_others_import_it_as_ever() -> None:
    assert said("import bus.stream, aiodocker", "from aiohttp import ClientError", LOADED) == ["True"]
    assert said("import aiohttp, bus.stream", LOADED) == ["True"]
    assert said("import bus.stream, aiohttp.web", "print(aiohttp.web.Application.__name__)") == ["Application"]


def test_without_ours_nats_loads_it() -> None:
    """The control: what the stand-in saves."""
    assert said("import nats", LOADED) == ["True"]


@pytest.mark.slow
@pytest.mark.ci
def test_the_http_application_starts_without_the_sdk_of_mcp() -> None:
    loaded = "import sys; print('mcp' in sys.modules)"
    assert said("import director.http.server", loaded, "import director.mcp.server", loaded) == ["False", "True"]
