"""Preparation of the questions of a backtest of staff ahead of their turn.

The preparation of a fix runs the tests of the repository on its parent and on the fix, which takes longer than most
answers. So as many fixes as there are cores are prepared at the same time, while employees work on an earlier one.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Generic, Self, TypeVar

from verification.backtest.commits import FixCommit

Question = TypeVar("Question")


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class FixQuestions(Generic[Question]):
    """The questions of some fixes, in order. At most `ahead` of them are prepared at the same time.

    Nothing of a question is kept after it was taken. At the end, open preparations are cancelled.
    """

    def __init__(
        self, fixes: Sequence[FixCommit], prepare: Callable[[FixCommit], Awaitable[Question]], ahead: int
    ) -> None:
        self._waiting = list(fixes)
        self._prepare = prepare
        self._ahead = max(1, ahead)
        self._begun: dict[str, asyncio.Future[Question]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._begun.values():
            task.cancel()
        await asyncio.gather(*self._begun.values(), return_exceptions=True)

    async def take(self, fix: FixCommit) -> Question:
        """Return the question of a fix, and begin further preparations. Raises the error of its preparation."""
        self._begin(fix)
        self._fill()
        try:
            return await self._begun[fix.id]
        finally:
            del self._begun[fix.id]
            self._fill()

    def _fill(self) -> None:
        while self._waiting and len(self._begun) < self._ahead:
            self._begin(self._waiting[0])

    def _begin(self, fix: FixCommit) -> None:
        if fix in self._waiting:
            self._waiting.remove(fix)
        if fix.id not in self._begun:
            self._begun[fix.id] = asyncio.ensure_future(self._prepare(fix))
