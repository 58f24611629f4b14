"""The questions of a backtest are prepared ahead of their turn, and at most so many at the same time."""

import asyncio
from collections.abc import Sequence

import pytest

from verification.backtest.commits import FixCommit
from verification.backtest.questions_ahead import FixQuestions, cores
from verification.backtest.trial import Excluded

FIXES = tuple(FixCommit(id=f"{number:040}", parent="p", message=f"Fix {number}", changed=()) for number in range(6))


class Preparing:
    """Preparations that end when the test lets them end."""

    def __init__(self, excluded: Sequence[FixCommit] = ()) -> None:
        self.begun: list[FixCommit] = []
        self.cancelled: list[FixCommit] = []
        self.open = self.most = 0
        self.go, self.two = asyncio.Event(), asyncio.Event()
        self._excluded = excluded

    async def of(self, fix: FixCommit) -> str:
        self.begun.append(fix)
        self.open += 1
        self.most = max(self.most, self.open)
        await asyncio.sleep(0)  # the others that may begin, begin now
        if len(self.begun) == 2:
            self.two.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled.append(fix)
            raise
        finally:
            self.open -= 1
        if fix in self._excluded:
            raise Excluded(fix.message)
        return fix.message


@pytest.mark.parametrize("ahead", [1, 2, 4])
async def test_each_fix_gets_its_own_question_and_few_are_prepared_at_once(ahead: int) -> None:
    preparing = Preparing()
    preparing.go.set()
    async with FixQuestions(FIXES, preparing.of, ahead) as questions:
        assert [await questions.take(fix) for fix in FIXES] == [fix.message for fix in FIXES]
    assert preparing.begun == list(FIXES)
    assert preparing.most == ahead


async def test_the_next_ones_are_prepared_while_one_is_taken() -> None:
    preparing = Preparing()
    async with FixQuestions(FIXES, preparing.of, 2) as questions:
        taking = asyncio.ensure_future(questions.take(FIXES[0]))
        await preparing.two.wait()
        preparing.go.set()
        assert await taking == "Fix 0"


async def test_a_question_that_is_excluded_is_an_error_in_its_turn_only() -> None:
    preparing = Preparing(excluded=FIXES[1:2])
    preparing.go.set()
    async with FixQuestions(FIXES, preparing.of, 3) as questions:
        assert await questions.take(FIXES[0]) == "Fix 0"
        with pytest.raises(Excluded, match="Fix 1"):
            await questions.take(FIXES[1])
        assert await questions.take(FIXES[2]) == "Fix 2", "control: the others go on"


async def test_what_nobody_takes_is_cancelled_at_the_end() -> None:
    preparing = Preparing()
    async with FixQuestions(FIXES, preparing.of, 2) as questions:
        taking = asyncio.ensure_future(questions.take(FIXES[0]))
        await preparing.two.wait()
        taking.cancel()
        await asyncio.wait([taking])
    assert preparing.open == 0
    assert FIXES[1] in preparing.cancelled


def test_there_is_at_least_one_core() -> None:
    assert cores() >= 1
