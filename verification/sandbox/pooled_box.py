"""One box of the pool. It waits with its namespaces, folders and limits, and gets files and a command at the hand-out.

Its only program is a shell from its read-only files. The shell waits for one line from the host and then becomes the
command in that line. The line comes through a named pipe. The host removes the pipe's name before the hand-out, and the
shell closes the pipe before it becomes the command, so that the command finds nothing of either.
"""

import array
import asyncio
import fcntl
import os
import re
import shlex
import termios
from collections.abc import Sequence

import msgspec

from domain.tree import Tree
from verification.sandbox.base import WORK, RunResult, RunSpec
from verification.sandbox.box import BubblewrapBox
from verification.sandbox.confinement import Confinement
from verification.sandbox.descriptors import LaterContent
from verification.sandbox.identity import box_user
from verification.sandbox.monitor import START_WAIT_S
from verification.sandbox.runtime import SHM_BYTES
from verification.sandbox.waiting import in_thread
from verification.sandbox.workfolder import WorkFolder, folder_sizes

HANDED_BYTES_MAX = 32 * 1024  # for environment and command; a pipe takes 64 KiB without a wait
FILES_AT_ONCE_MAX = 40
BYTES_AT_ONCE_MAX = 256 * 1024
"""Limits for files that are written in the event loop, because a thread would cost more time than the work."""
_NAME = "aura-start"
_PIPE = ".aura-line"
_NEWLINE = "n"
_READY = b"\n"
_NOT_EXECUTED = (126, 127)  # exit status of a shell that could not start the command
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class PooledBox(BubblewrapBox):
    """A box that waits for its only run."""

    def __init__(self, template: RunSpec, *, dropped: bool, confinement: Confinement, rules: bytes | None) -> None:
        """`template` is the run whose read-only files, folders and limits the box gets."""
        spec = msgspec.structs.replace(template, argv=("/bin/sh", "-c", script_of(f"{WORK}/{_PIPE}"), _NAME))
        super().__init__(spec, dropped=dropped, confinement=confinement, rules=rules)
        self._room = template.limits.work_bytes
        self._input = LaterContent()
        self._pipe = -1
        self._line = b""

    async def made(self, command: Sequence[str], inherited: Sequence[int]) -> bool:
        """Bring the box to its wait. Return False if this failed. Then the box has ended."""
        try:
            self.start(command, inherited, self._input.reader)
            prepared = await self.prepare()
            self._monitor.release()
            async with asyncio.timeout(START_WAIT_S):
                await self._output.news()
            if self._output.of("stdout") != _READY:
                raise OSError("the shell of a pooled box did not start")
            with box_user(dropped=self._dropped):
                os.unlink(_PIPE, dir_fd=prepared.folder.work)
        except (OSError, ValueError):
            await self.end()
            return False
        except BaseException:
            await self.end()
            raise
        return True

    @property
    def waits(self) -> bool:
        """Whether the box still lives."""
        return self._monitor.ended is not None and not self._monitor.ended.done()

    async def play(self, spec: RunSpec) -> RunResult | None:
        """Run a command and return its result. Return None if the command did not start in this box.

        `spec` has limits that include its files.
        """
        assert self._prepared is not None
        self._spec, self._limits = spec, spec.limits
        self._line = line_of(spec) or b""
        self._output.begin(spec.limits.output_bytes)
        try:
            await self._hand_out(self._prepared.folder)
            result = await self.watch(self._prepared)
            return result if self._has_taken_the_line() and not _did_not_start(result) else None
        except (OSError, ValueError):  # the box has ended while it waited, or a path leads out of it
            return None
        finally:
            await self.end()

    async def _hand_out(self, folder: WorkFolder) -> None:
        tree = Tree.of(self._spec.files)
        small = len(tree.paths()) <= FILES_AT_ONCE_MAX and sum(map(len, tree.values())) <= BYTES_AT_ONCE_MAX

        def hand_out() -> None:
            with box_user(dropped=self._dropped):
                folder.write(tree)
                folder.reserve(self._room - folder_sizes(self._limits, shm_bytes=SHM_BYTES)[WORK])
            self._input.fill(self._spec.stdin)

        if small:
            hand_out()
        else:
            await in_thread(hand_out)

    def furnish(self, folder: WorkFolder) -> None:
        """Make the named pipe. The folder is empty otherwise."""
        os.mkfifo(_PIPE, 0o600, dir_fd=folder.work)
        self._pipe = os.open(_PIPE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=folder.work)
        folder.uncounted += 1  # the pipe exists without a name until the end

    def begin(self) -> None:
        """Send the line. Raises OSError if the pipe does not take it whole."""
        if not self._line or os.write(self._pipe, self._line) != len(self._line):
            raise OSError("a pooled box did not take its command")

    def _has_taken_the_line(self) -> bool:
        """Return whether the shell has read the line. If not, it was killed while it waited, and nothing ran."""
        unread = array.array("i", [0])
        fcntl.ioctl(self._pipe, termios.FIONREAD, unread)
        return unread[0] == 0

    async def end(self) -> None:
        """End the box and free all its resources, as for every box."""
        try:
            await super().end()
        finally:
            self._close_pipe()
            self._input.close()

    def abandon(self) -> None:
        """Do the same as `end`, without the event loop of the box, because that loop has ended."""
        self._kill()
        self._monitor.close()
        if self._prepared:
            os.close(self._prepared.handle)
            self._prepared.folder.close()
            self._prepared.hold.close()
            self._prepared = None
        self._close_pipe()
        self._input.close()

    def _close_pipe(self) -> None:
        pipe, self._pipe = self._pipe, -1
        if pipe >= 0:
            os.close(pipe)


def script_of(pipe: str) -> str:
    """Return the program of the shell.

    Bash and Korn shells add variables to the environment of a command. The program removes them.
    """
    return f"""{_NEWLINE}='
'
exec 9<{pipe} && echo && IFS= read -r line <&9 || exit 125
exec 9<&-
[ -n "$BASH_VERSION$KSH_VERSION" ] && set -- /usr/bin/env -u _ -u SHLVL -u OLDPWD
eval "$line"
"""


def line_of(spec: RunSpec) -> bytes | None:
    """Return the line that makes the shell start this run, or None if a line cannot express it."""
    if not spec.argv or spec.argv[0].startswith("-") or not all(_IDENTIFIER.fullmatch(name) for name in spec.env):
        return None
    words = [f"export {name}={_quoted(value)};" for name, value in spec.env.items()]
    words += ["exec", '"$@"', *map(_quoted, spec.argv)]
    line = os.fsencode(" ".join(words)) + b"\n"
    return line if len(line) <= HANDED_BYTES_MAX and b"\0" not in line else None


def _quoted(word: str) -> str:
    """Return a word in the shell's quotes, on one line: a line break is the value of a variable."""
    return f'''"${_NEWLINE}"'''.join(shlex.quote(part) for part in word.split("\n"))


def _did_not_start(result: RunResult) -> bool:
    """Return whether the shell seems to have failed to become the command.

    A command can pretend this. It gains nothing: it runs once more, in a box without a shell.
    """
    told = result.stderr.startswith(f"{_NAME}: ".encode()) and not result.stdout
    return result.reason == "setup_failed" or (result.exit_code in _NOT_EXECUTED and told)
