"""A box whose keeper runs commands, from its start to the end of all its processes."""

import asyncio
import os
from contextlib import suppress
from typing import Any

import msgspec

from domain.errors import Unavailable, said_by
from verification.sandbox.base import LiveBox, RunResult, RunSpec, Sandbox, with_room
from verification.sandbox.keeper_channel import KeeperChannel, Lost, Order, Report, Stopped
from verification.sandbox.session_command import CommandResult, LimitWatch, result_of
from verification.sandbox.waiting import settled

START_WAIT_S = 90.0
"""Limit from the start of the box until its keeper is ready, on a busy machine."""
ANSWER_WAIT_S = 20.0
"""Limit from the wall limit of a command until the keeper's answer. Then the box is ended."""
END_WAIT_S = 5.0
"""Limit from the end of the channel to the end of the keeper. Then the box is killed."""
WATCH_EVERY_S = 0.05
TOLD_CHARS_MAX = 300


class KeptBox:
    """One box with its keeper. Use it once: `start`, `execute` for one order at a time, and last `close`.

    `work` is the descriptor of the work folder until `close`. `lost` is the reason why no command can run any more, or
    empty.
    """

    def __init__(self, sandbox: Sandbox, spec: RunSpec) -> None:
        """`spec` is the run of the keeper, without its channel."""
        self.work = -1
        self.lost = ""
        self._sandbox = sandbox
        self._spec = spec
        self._files_max = with_room(spec).limits.files
        self._channel = KeeperChannel()
        self._box: asyncio.Task[RunResult] | None = None
        self._live: LiveBox | None = None
        self._number = 0
        self._owed: asyncio.Task[tuple[Report, bytes]] | None = None  # answer to a command whose caller was cancelled

    async def start(self) -> None:
        """Start the box and wait until its keeper is ready. Raises Unavailable if it does not start."""
        spec = msgspec.structs.replace(self._spec, door=self._channel.theirs.fileno(), live=self._lives)
        self._box = asyncio.create_task(self._sandbox.run(spec))
        ready = asyncio.create_task(self._channel.ready())
        try:
            await asyncio.wait({ready, self._box}, timeout=START_WAIT_S, return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            ready.cancel()
            raise
        if ready.done() and ready.exception() is None:
            return
        await _dropped(ready)
        await self.end("its keeper did not start in time")
        raise Unavailable(
            f"The box of a session did not start: {self.lost}.",
            hint="`aura doctor` checks the sandbox of this machine.",
            code="session_box_failed",
        )

    def _lives(self, live: LiveBox) -> None:
        self._live = live
        self.work = os.dup(live.work)

    async def execute(self, order: Order, source: int | None = None) -> CommandResult:
        """Run one command. If the command makes the box unusable, the result says so, and the box is ended.

        `source`: a descriptor that becomes the standard input of the command.
        """
        assert self._live is not None
        self._number += 1
        try:
            self._channel.send(self._number, order, source)
        except Lost as lost:
            return await self._ended(order, str(lost))
        answer = asyncio.create_task(self._channel.answer(self._number, order))
        watch = LimitWatch(self._live, self._files_max)
        try:
            await self._watch(answer, order, watch)
        except BaseException:
            self._owed = answer
            self._stop("cancelled")
            raise
        if not answer.done():
            await _dropped(answer)
            why = "its keeper has ended" if self._box and self._box.done() else "its keeper did not answer"
            return await self._ended(order, why)
        if failed := answer.exception():
            return await self._ended(order, str(failed))
        if watch.far_above():
            return await self._ended(order, "it had far more files than its limit")
        return result_of(order, *answer.result(), exceeded=watch.exceeded())

    async def _watch(self, answer: "asyncio.Task[tuple[Report, bytes]]", order: Order, watch: LimitWatch) -> None:
        """Wait for the answer, the end of the box or the deadline. Stop a command that exceeds memory or files."""
        assert self._box is not None
        loop = asyncio.get_running_loop()
        deadline = loop.time() + order.wall_s + ANSWER_WAIT_S
        stopped = False
        while not answer.done() and not self._box.done() and loop.time() < deadline:
            await asyncio.wait({answer, self._box}, timeout=WATCH_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
            if not (stopped or answer.done() or self._box.done()) and (reason := watch.exceeded()):
                stopped = True
                self._stop(reason)

    def stop(self) -> None:
        """End the command that runs now, as if its caller were cancelled, but return its result."""
        self._stop("cancelled")

    def _stop(self, reason: Stopped) -> None:
        with suppress(Lost):  # then the wait for its answer ends, too
            self._channel.stop(self._number, reason)

    async def idle(self) -> None:
        """Wait until no command runs. Only a command whose caller was cancelled can still run."""
        if not self._owed:
            return
        assert self._box is not None
        await asyncio.wait({self._owed, self._box}, timeout=ANSWER_WAIT_S, return_when=asyncio.FIRST_COMPLETED)
        owed, self._owed = self._owed, None
        if not owed.done() or owed.cancelled() or owed.exception():
            await _dropped(owed)
            await self.end("its keeper did not answer")

    async def _ended(self, order: Order, why: str) -> CommandResult:
        await self.end(why)
        return CommandResult(reason="box_ended", why=self.lost, wall_limit_s=order.wall_s)

    async def end(self, why: str) -> None:
        """End the box, and wait until all its processes have ended. `why` is used if the sandbox gives no reason."""
        self._channel.close()
        if self._box is None:
            return
        if not self._box.done():
            await asyncio.wait({self._box}, timeout=END_WAIT_S)
        by_itself = self._box.done()
        self._box.cancel()
        cancelled = await settled(self._box)
        if not self.lost:
            self.lost = _reason(self._box, why) if by_itself else why
        if cancelled:
            raise cancelled

    async def close(self) -> None:
        """End the box and free all resources."""
        owed, self._owed = self._owed, None
        try:
            if owed:
                await _dropped(owed)
            await self.end("it was closed")
        finally:
            if self.work >= 0:
                os.close(self.work)
                self.work = -1


async def _dropped(task: "asyncio.Task[Any]") -> None:
    """Cancel a task and wait for its end. Its error, if it has one, is of no interest any more."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


def _reason(box: "asyncio.Task[RunResult]", why: str) -> str:
    """Return the reason why a box ended."""
    if box.cancelled():
        return why
    if error := box.exception():
        return said_by(error)
    result = box.result()
    told = {
        "timeout": "the minutes of the session are over",
        "memory": "its memory was used up",
        "output_limit": "its keeper wrote too much output",
        "setup_failed": result.stderr.decode(errors="replace").strip()[-TOLD_CHARS_MAX:] or "it was not set up",
    }
    return told.get(result.reason, why)
