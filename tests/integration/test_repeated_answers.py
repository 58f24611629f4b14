"""The same wrong answer several times: it is judged once, its author is informed, and the run ends early."""

from typing import Any

import pytest

from domain import run_messages, task
from domain.repeats import REPEATED
from tests.integration.house import House, Sample, as_share, of
from verification.verdict.model import Verdict
from verification.verdict.repeat import GATE

pytestmark = pytest.mark.needs_sandbox
ATTEMPTS_MAX = 6


async def ended(house: House, answers: list[dict[str, str]]) -> tuple[int, list[task.Rejected], str]:
    """Run one task whose only employee gives these answers in turn. Return its verdicts, rejections and end."""
    judged = 0

    async def counted(*given: Any, **named: Any) -> Verdict:
        nonlocal judged
        judged += 1
        return await as_share(*given, **named)

    await house.hire("anna", {"T1": answers})
    async with house.running(judge=counted):
        run = await house.submit(Sample(1), attempts_max=ATTEMPTS_MAX)
        log = await house.until_type(run, "run.ended")
    rejected = [event.event for event in of(log, run, "task.rejected")]
    (end,) = (event.event for event in of(log, run, "run.ended"))
    assert isinstance(end, run_messages.Ended)
    return judged, [event for event in rejected if isinstance(event, task.Rejected)], end.reason


def wrong(number: int) -> dict[str, str]:
    return {"adder_t1.py": f"def add(n):\n    return n - {number}\n"}


async def test_an_answer_that_is_repeated_is_judged_once_and_the_run_ends_early(house: House) -> None:
    judged, rejected, reason = await ended(house, [wrong(1)])
    assert judged == 1
    first, *repeats = [event.judgement for event in rejected]
    assert len(repeats) == ATTEMPTS_MAX // 2
    assert REPEATED not in {finding.kind for finding in first.findings}
    for told in repeats:
        assert [finding.kind for finding in told.findings] == [REPEATED, *(each.kind for each in first.findings)]
        assert "attempt 1" in told.findings[0].for_author
        assert [gate.gate for gate in told.gates] == [GATE]
        assert (told.verified, told.tree) == (False, first.tree)
    assert "no employee has a new answer" in reason
    assert "repeats_max is 3" in reason


async def test_control_other_wrong_answers_are_all_judged_and_use_all_attempts(house: House) -> None:
    judged, rejected, reason = await ended(house, [wrong(number) for number in range(1, 10)])
    assert judged == len(rejected) == ATTEMPTS_MAX
    assert "no verified answer in 6 attempts" in reason
