"""The coding agents on PATH, with the version that each of them states."""

import asyncio
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from agents.employees.safe_text import one_line

PROGRAMS: Mapping[str, str] = {
    "claude": "claude",
    "codex": "codex",
    "gemini": "gemini",
    "qwen": "qwen-code",
    "opencode": "opencode",
    "aider": "aider",
    "mini": "mini-swe-agent",
}
"""Program -> name of the agent."""
VERSION_WALL_S = 15.0  # some agents start slowly
VERSION_CHARS_MAX = 60
OUTPUT_BYTES_MAX = 64 * 1024
_VERSION = re.compile(r"\d+\.\d+[\w.+-]*")


class CodingAgent(msgspec.Struct, frozen=True, kw_only=True):
    """One agent. `version` None: the program did not state it; `problem` says why."""

    name: str
    program: str
    path: str
    version: str | None = None
    problem: str = ""


async def on_path(path: str | None = None, wall_s: float = VERSION_WALL_S) -> tuple[CodingAgent, ...]:
    """Return the agents on this PATH, or on that of the process."""
    found = {program: place for program in PROGRAMS if (place := shutil.which(program, path=path))}
    return tuple(await asyncio.gather(*(_agent(program, place, wall_s) for program, place in found.items())))


async def _agent(program: str, place: str, wall_s: float) -> CodingAgent:
    agent = CodingAgent(name=PROGRAMS[program], program=program, path=place)
    try:
        status, output = await _output(place, wall_s)
    except TimeoutError:
        return msgspec.structs.replace(agent, problem=f"{program} --version did not end within {wall_s:g} s")
    except OSError as error:
        return msgspec.structs.replace(agent, problem=f"it does not start: {error.strerror or error}")
    text = one_line(output.decode(errors="replace"), VERSION_CHARS_MAX)
    matched = _VERSION.search(text)
    if status or not matched:
        return msgspec.structs.replace(agent, problem=f"{program} --version said: {text or 'nothing'}")
    return msgspec.structs.replace(agent, version=matched.group())


async def _output(program: str, wall_s: float) -> tuple[int, bytes]:
    """Run `program --version` in an empty home, without keys, and return its status and output.

    :raises TimeoutError: after `wall_s`. All its processes are ended.
    """
    with tempfile.TemporaryDirectory(prefix="aura-version-", ignore_cleanup_errors=True) as home:
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": home, "LANG": "C.UTF-8", "CI": "1"}
        process = await asyncio.create_subprocess_exec(
            program,
            "--version",
            cwd=home,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(wall_s):
                output = bytearray()
                while len(output) < OUTPUT_BYTES_MAX and (piece := await process.stdout.read(OUTPUT_BYTES_MAX)):
                    output += piece
                return await process.wait(), bytes(output)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
