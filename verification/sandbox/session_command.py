"""The result of one command of a session, and the watch of the limits that a box does not enforce by itself."""

from typing import Literal

import msgspec

from verification.sandbox.base import LiveBox
from verification.sandbox.keeper_channel import Ended, Order, Report, Stopped
from verification.sandbox.observation import OBSERVATION_BYTES_MAX, observation

FILES_OVER_MAX = 50_000
"""So many files above the limit of files end the box. Fewer end only the command. They are counted every 50 ms."""
CommandEnd = Ended | Stopped | Literal["box_ended"]


class CommandResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one command.

    `exit_code` and `signal` describe its first process. `head` and `tail` are the beginning and the end of stdout and
    stderr together. `left` is the number of processes that the command left and the keeper killed. If `reason` is
    `box_ended`, the box runs no more commands; its files can still be compared. `why` explains `not_started` and
    `box_ended`.
    """

    reason: CommandEnd
    exit_code: int | None = None
    signal: int | None = None
    head: bytes = b""
    tail: bytes = b""
    left_out: int = 0  # number of bytes between head and tail that were not kept
    wall_s: float = 0.0
    wall_limit_s: float = 0.0
    left: int = 0
    why: str = ""

    def observed(self, bytes_max: int = OBSERVATION_BYTES_MAX) -> str:
        """Return the output as text for a model, shortened by the rule of observations."""
        return observation(self.head, self.tail, self.left_out, bytes_max=bytes_max)


def result_of(order: Order, report: Report, output: bytes, *, exceeded: Stopped | None) -> CommandResult:
    """Return the result from the keeper's report. `exceeded` is a limit that the command exceeded before its end."""
    return CommandResult(
        reason=exceeded or report.reason,
        exit_code=report.code if report.reason == "exit" else None,
        signal=report.signal if report.reason == "signal" else None,
        head=output[: report.head],
        tail=output[report.head :],
        left_out=report.bytes - len(output),
        wall_s=report.seconds,
        wall_limit_s=order.wall_s,
        left=report.left,
        why=report.why,
    )


class LimitWatch:
    """The watch of one command's memory and files. What was there before the command does not count against it."""

    def __init__(self, live: LiveBox, files_max: int) -> None:
        self._live = live
        self._files_max = files_max
        self._files_from = max(files_max, live.file_count())
        self._kills_before = live.oom_kills()

    def exceeded(self) -> Stopped | None:
        """Return the limit that the command has exceeded, or None."""
        if self._live.oom_kills() > self._kills_before:
            return "memory"
        return "file_limit" if self._live.file_count() > self._files_from else None

    def far_above(self) -> bool:
        """Return whether so many files were made that the box must end."""
        return self._live.file_count() > self._files_max + FILES_OVER_MAX
