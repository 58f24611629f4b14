"""The tools of a session at work in its box: commands, files, searches, and the check against the visible cases."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from agents.briefs.fence import Fence
from agents.sessions.actions import Action
from domain.errors import AuraError

LINES_MAX = 400
"""Lines that one read shows."""
FILE_BYTES_MAX = 1024 * 1024
"""Size limit of a file that can be read or changed by a tool."""
FOUND_LINES_MAX = 200


class Shown(Protocol):
    """The result of one command. `verification/sandbox/session_command.py` has the real one."""

    @property
    def reason(self) -> str: ...
    @property
    def exit_code(self) -> int | None: ...
    @property
    def signal(self) -> int | None: ...
    @property
    def left(self) -> int: ...
    @property
    def wall_limit_s(self) -> float: ...
    @property
    def why(self) -> str: ...

    def observed(self) -> str: ...


class Part(Protocol):
    """A part of a file, and the size of the whole file."""

    @property
    def content(self) -> bytes: ...
    @property
    def size(self) -> int: ...


class Box(Protocol):
    """The box of a session. `verification/sandbox/session_box.py` has the real one."""

    async def run(self, command: str | Sequence[str]) -> Shown: ...

    async def read(self, path: str) -> Part: ...

    async def write(self, path: str, content: bytes) -> None: ...


class BoxEnded(Exception):
    """The box has ended, and the session cannot continue in it. The message says why."""


class Workspace:
    """Does the actions of one session. Each result is text for the model; output of programs and files is data."""

    def __init__(self, box: Box, fence: Fence, check: Callable[[], Awaitable[str]]) -> None:
        """`check`: judges a copy of the work against the visible cases, and returns what the employee may see."""
        self._box = box
        self._fence = fence
        self._check = check
        self._tools: Mapping[str, Callable[[Mapping[str, Any]], Awaitable[str]]] = {
            "run": self._run,
            "read": self._read,
            "search": self._search,
            "write": self._write,
            "replace": self._replace,
            "check": self._checked,
        }

    async def act(self, action: Action) -> str:
        """Do one action and return its result. A mistake of the model is a result, too. Raises BoxEnded."""
        try:
            return await self._tools[action.name](action.arguments)
        except AuraError as error:
            return f"Not done:\n{self._fence.data('reason', str(error))}"

    async def _run(self, arguments: Mapping[str, Any]) -> str:
        return self._shown("output", await self._box.run(arguments["command"]))

    async def _search(self, arguments: Mapping[str, Any]) -> str:
        path = arguments.get("path", ".")
        found = await self._box.run(
            (
                "grep",
                "-rnIHE",
                f"--max-count={FOUND_LINES_MAX}",
                "--exclude-dir=.git",
                "-e",
                arguments["pattern"],
                "--",
                path,
            )
        )
        if found.reason == "exit" and found.exit_code == 1:
            return "No line matches."
        return self._shown("matching lines", found)

    async def _read(self, arguments: Mapping[str, Any]) -> str:
        path, first = arguments["path"], max(1, arguments.get("first_line", 1))
        part = await self._box.read(path)
        lines = part.content.decode(errors="replace").splitlines(keepends=True)
        count = min(arguments.get("lines", LINES_MAX), LINES_MAX)
        chosen = lines[first - 1 : first - 1 + count]
        if not chosen:
            return f"The file has {len(lines)} lines, so it has no line {first}."
        more = len(lines) - (first - 1 + len(chosen))
        whole = (
            "" if part.size == len(part.content) else f" The file has {part.size} bytes; only the first part is read."
        )
        note = (f"\n[{more} more lines: read from line {first + len(chosen)}]" if more else "") + whole
        head = f"Lines {first} to {first + len(chosen) - 1}:"
        return f"{head}\n{self._fence.data('content of a file', ''.join(chosen))}{note}"

    async def _write(self, arguments: Mapping[str, Any]) -> str:
        content = arguments["content"].encode(errors="replace")
        await self._box.write(arguments["path"], content)
        return f"The file is written: {len(content)} bytes."

    async def _replace(self, arguments: Mapping[str, Any]) -> str:
        path, old = arguments["path"], arguments["old"].encode(errors="replace")
        part = await self._box.read(path)
        if part.size != len(part.content):
            return f"Not done: the file has {part.size} bytes; this tool changes files up to {FILE_BYTES_MAX} bytes."
        count = part.content.count(old) if old else 0
        if count != 1:
            return f"Not done: the old text occurs {count} times in the file. It must occur exactly once."
        await self._box.write(path, part.content.replace(old, arguments["new"].encode(errors="replace")))
        return "The file is changed."

    async def _checked(self, _arguments: Mapping[str, Any]) -> str:
        return self._fence.data("result of the check", await self._check())

    def _shown(self, name: str, result: Shown) -> str:
        if result.reason == "box_ended":
            raise BoxEnded(result.why)
        text = result.observed()
        return f"{_how(result)}\n{self._fence.data(name, text)}" if text else f"{_how(result)} There is no output."


def _how(result: Shown) -> str:
    """Return a sentence about the end of a command."""
    ends = {
        "exit": f"Exit code {result.exit_code}.",
        "signal": f"Ended by signal {result.signal}.",
        "timeout": f"Stopped after {result.wall_limit_s:g} s (time limit).",
        "memory": "Stopped at the memory limit.",
        "file_limit": "Stopped at the limit of files.",
        "cancelled": "Stopped because the session ends.",
        "not_started": f"The command could not be started: {result.why}.",
    }
    left = f" {result.left} processes that were still running were ended." if result.left else ""
    return ends[result.reason] + left
