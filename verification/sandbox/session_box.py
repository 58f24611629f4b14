"""The box of a session: a working copy in which an employee runs many commands, one after another.

A keeper process in the box runs the commands (in_box/keeper.py). When a command ends, nothing of it runs any more. So
the files can be read, written and compared from outside between two commands.
"""

import asyncio
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from domain.errors import Conflict, Invalid, LimitReached, Unavailable
from domain.tree import Tree
from verification.sandbox.acceptance import probed
from verification.sandbox.base import PROGRAMS, PYTHON, WORK, RunSpec, Sandbox
from verification.sandbox.identity import box_user
from verification.sandbox.keeper_channel import Order
from verification.sandbox.kept_box import KeptBox
from verification.sandbox.session_command import CommandResult
from verification.sandbox.session_files import FilePart, delete_file, read_file, write_file
from verification.sandbox.session_limits import SESSION_LIMITS, SessionLimits, box_limits
from verification.sandbox.tree_difference import LeavesOut, TreeDifference, tree_difference
from verification.sandbox.waiting import in_thread
from verification.sandbox.workfolder import is_plain_path

T = TypeVar("T")
SHELL = ("/bin/sh", "-c")
SNAPSHOT_ATTEMPTS_MAX = 5
COMMAND_BYTES_MAX = 127 * 1024
"""Size limit of one command: its shell text, or all its arguments together. Linux permits 128 KiB for one argument."""
READ_BYTES_MAX = 1024 * 1024
"""Size limit of one read of a file."""
GIT_SETTINGS = "/aura/gitconfig"
_GIT = b"""[user]
    name = employee
    email = employee@box.invalid
[core]
    pager = cat
[init]
    defaultBranch = main
    templateDir =
[gc]
    auto = 0
[maintenance]
    auto = false
[safe]
    directory = *
[advice]
    detachedHead = false
"""
ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": GIT_SETTINGS,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "true",
    "PAGER": "cat",
    "TERM": "dumb",
}
"""Variables of every command, besides those of every box. A caller may change them."""
_KEEPER = "/aura/keeper.py"
_SOURCE = Path(__file__).parents[1] / "in_box" / "keeper.py"
_ALONE = ("-I", "-S", "-B")


class SessionBox:
    """The box of one session, as an asynchronous context manager. Only one operation runs at a time."""

    def __init__(
        self,
        sandbox: Sandbox,
        tree: Tree,
        *,
        limits: SessionLimits = SESSION_LIMITS["new"],
        folders: Mapping[str, Path] | None = None,
        env: Mapping[str, str] | None = None,
        read_only: Mapping[str, bytes] | None = None,
        allow_degraded: bool = False,
        accepted: Collection[str] = (),
    ) -> None:
        """`tree` is the initial working copy. `folders` and `read_only` are toolboxes and files, as in RunSpec.

        `accepted` names the limits that this machine need not enforce; with `allow_degraded`, it need not enforce any.
        """
        self.initial = tree
        self.limits = limits
        self.not_held: tuple[str, ...] = ()
        """Names of the limits that the sandbox cannot enforce on this machine. It is known after the start."""
        self._sandbox = sandbox
        self._degraded = allow_degraded, accepted
        self._spec = RunSpec(
            argv=(f"{PROGRAMS}/{PYTHON}", *_ALONE, _KEEPER),
            files=tree,
            read_only={_KEEPER: _SOURCE.read_bytes(), GIT_SETTINGS: _GIT, **(read_only or {})},
            folders=folders or {},
            env={**ENVIRONMENT, **(env or {})},
            limits=box_limits(limits),
        )
        self._kept: KeptBox | None = None
        self._busy = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Start the box. Raises Unavailable if none starts, and Refused if a limit is neither held nor accepted."""
        if self._kept is not None:
            raise Conflict("The box of the session was opened before.", hint="Make a new SessionBox.")
        allow_degraded, accepted = self._degraded
        self.not_held = (await probed(self._sandbox, allow_degraded=allow_degraded, accepted=accepted)).not_held
        self._kept = KeptBox(self._sandbox, self._spec)
        try:
            await self._kept.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the box and all its processes. A closed box cannot be used again."""
        if self._kept:
            await self._kept.close()

    async def run(
        self,
        command: str | Sequence[str],
        *,
        wall_s: float | None = None,
        folder: str = "",
        source: int | None = None,
    ) -> CommandResult:
        """Run a shell text, or a program with its arguments, and return its result.

        `wall_s` is at most `command_s_max` of the limits; `folder` is relative to the working copy. `source`: the
        descriptor of a socket or a file that becomes the standard input.

        Faults of the command are results, not errors. If this call is cancelled, the command is ended. Raises Invalid
        for a command that cannot be sent, and Conflict if the box is not open.
        """
        argv = (*SHELL, command) if isinstance(command, str) else tuple(command)
        _check(argv, folder)
        half = self.limits.output_bytes // 2
        order = Order(
            argv=argv,
            folder=f"{WORK}/{folder}".rstrip("/"),
            wall_s=min(wall_s or self.limits.command_s, self.limits.command_s_max),
            head=half,
            tail=half,
        )
        async with self._busy:
            kept = await self._open()
            if kept.lost:
                return CommandResult(reason="box_ended", why=kept.lost, wall_limit_s=order.wall_s)
            return await kept.execute(order, source)

    def stop_command(self) -> None:
        """Ask for the end of the command that runs now. Its result has the reason `cancelled`."""
        if self._kept is not None:
            self._kept.stop()

    async def read(self, path: str, *, offset: int = 0, bytes_max: int = READ_BYTES_MAX) -> FilePart:
        """Read a part of a file of the working copy. Raises NotFound and Invalid."""
        if offset < 0:
            raise Invalid(f"{offset} is not a place in a file.", hint="Give an offset of 0 or more.")
        size = min(bytes_max, READ_BYTES_MAX)
        return await self._outside(partial(read_file, path=path, offset=offset, bytes_max=size))

    async def write(self, path: str, content: bytes, *, executable: bool | None = None) -> None:
        """Write a file of the working copy. It replaces a link. Raises Invalid and LimitReached."""
        if len(content) > self.limits.file_bytes:
            raise LimitReached(
                f"{path} has {len(content)} bytes; a file may have {self.limits.file_bytes}.",
                hint="Write a smaller file.",
            )
        await self._outside(partial(write_file, path=path, content=content, executable=executable))

    async def delete(self, path: str) -> None:
        """Delete a file, a link or an empty folder of the working copy. Raises NotFound and Invalid."""
        await self._outside(partial(delete_file, path=path))

    async def difference(self, leaves_out: LeavesOut = lambda *_: False) -> TreeDifference:
        """Return the difference from the initial tree. It can also be read after a command has ended the box.

        Raises LimitReached if the difference is too large.
        """
        return await self._outside(partial(tree_difference, initial=self.initial, leaves_out=leaves_out))

    async def snapshot(self, leaves_out: LeavesOut = lambda *_: False) -> TreeDifference:
        """Return the difference while a command may run. Files that change in this moment may be half written.

        Raises Unavailable if the files change faster than they can be read, and LimitReached if the difference is too
        large.
        """
        if self._kept is None or self._kept.work < 0:
            raise Conflict("The box of the session is not open.", hint="Open a new box.", code="session_box_closed")
        work = partial(tree_difference, initial=self.initial, leaves_out=leaves_out)
        for _ in range(SNAPSHOT_ATTEMPTS_MAX):
            with suppress(OSError):
                return await self._as_box_user(work, self._kept.work)
        raise Unavailable("The working copy changes faster than it can be read.", hint="End programs that write files.")

    async def _outside(self, work: Callable[[int], T]) -> T:
        """Run `work` in a thread as the box's user, while no command runs."""
        async with self._busy:
            return await self._as_box_user(work, (await self._open()).work)

    @staticmethod
    async def _as_box_user(work: Callable[[int], T], descriptor: int) -> T:
        def as_box_user() -> T:
            with box_user(dropped=os.getuid() == 0):
                return work(descriptor)

        return await in_thread(as_box_user)

    async def _open(self) -> KeptBox:
        """Return the open box after its last command has ended. Raises Conflict if it is not open."""
        if self._kept is not None:
            await self._kept.idle()
        if self._kept is None or self._kept.work < 0:
            raise Conflict("The box of the session is not open.", hint="Open a new box.", code="session_box_closed")
        return self._kept


def _check(argv: Sequence[str], folder: str) -> None:
    """Raise Invalid for a command that cannot be sent."""
    try:
        size = sum(len(word.encode()) + 1 for word in argv)
    except UnicodeEncodeError as error:
        raise Invalid("The command is not valid UTF-8.", hint="Send a command that is text.") from error
    if not argv or any("\0" in word for word in argv) or size > COMMAND_BYTES_MAX:
        raise Invalid(
            f"The command is empty, has a zero byte, or has more than {COMMAND_BYTES_MAX} bytes.",
            hint="Write long content into a file, and send a shorter command.",
        )
    if folder and not is_plain_path(folder):
        raise Invalid(f"{folder!r} is not a folder of the working copy.", hint="Give a relative path without '..'.")
