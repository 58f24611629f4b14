"""A run with a required review: another maker's model gets the work. It may block it, but cannot make a gate pass."""

import asyncio
import json
from pathlib import Path
from uuid import UUID

import pytest

from domain import run_messages, task
from domain.judgement import REVIEW
from domain.planning import task_id
from domain.review import PATH
from tests.integration.house import House, Sample, of

pytestmark = pytest.mark.needs_sandbox

PASS = {PATH: json.dumps({"verdict": "pass", "findings": [{"text": "short names"}]})}
BLOCK = {PATH: json.dumps({"verdict": "block", "findings": [{"severity": "high", "text": "it adds in secret"}]})}
QUIET_S = 2.0


class Reviewed(Sample):
    def __init__(self) -> None:
        super().__init__(1)
        self.source = self.source.replace(b"language: python", b"language: python\nreview: required")


async def assigned(house: House, run: UUID) -> list[task.Assigned]:
    events = [event.event for event in of(await house.log(), run, "task.assigned")]
    return [event for event in events if isinstance(event, task.Assigned) and event.task == task_id(run, REVIEW)]


async def test_a_review_by_another_maker_s_model_lets_the_work_pass(house: House) -> None:
    sample = Reviewed()
    anna = await house.hire("anna", {"T1": [sample.right("T1")], REVIEW: [PASS]})
    await house.hire("anna2", {"T1": [sample.right("T1")], REVIEW: [PASS]})  # the same maker's
    async with house.running():
        run = await house.submit(sample)
        await house.until_type(run, "task.verified")
        await asyncio.sleep(QUIET_S)
        assert await assigned(house, run) == [], "nobody may review it"
        bert = await house.hire("bert", {REVIEW: [{PATH: "looks good"}, PASS]})
        log = await house.until_type(run, "run.delivered")
    orders = await assigned(house, run)
    assert {order.employee for order in orders} == {bert}
    assert len(orders) == 2, "the first answer was no review"
    assert anna not in {order.employee for order in orders}
    (merged,) = [event.event for event in of(log, run, "run.merged")]
    assert isinstance(merged, run_messages.Merged)
    assert set(merged.files) == set(sample.right("T1"))
    (delivered,) = [event.event for event in of(log, run, "run.delivered")]
    assert isinstance(delivered, run_messages.Delivered)
    assert not (Path(delivered.folder) / PATH).exists()
    assert (Path(delivered.folder) / "adder_t1.py").exists()
    review = [event.event for event in of(log, run, "task.verified")][-1]
    assert isinstance(review, task.Verified)
    assert [(gate.gate, gate.grade, gate.result) for gate in review.judgement.gates] == [(REVIEW, "A", "passed")]


async def test_a_reviewer_may_block(house: House) -> None:
    sample = Reviewed()
    await house.hire("anna", {"T1": [sample.right("T1")]})
    await house.hire("bert", {REVIEW: [BLOCK]})
    async with house.running():
        run = await house.submit(sample)
        log = await house.until_type(run, "run.ended")
    (ended,) = [event.event for event in of(log, run, "run.ended")]
    assert isinstance(ended, run_messages.Ended)
    assert (ended.outcome, ended.reason) == ("rejected", "The reviewer blocks the run: it adds in secret")
    assert not of(log, run, "run.merged")
    assert not of(log, run, "task.rejected"), "to block is no failure of the reviewer"


@pytest.mark.slow
@pytest.mark.ci
async def test_a_reviewer_cannot_pass_over_a_gate(house: House) -> None:
    """What is wrong is never reviewed into the delivery: the task is not verified, so there is nothing to review."""
    sample = Reviewed()
    await house.hire("anna", {"T1": [sample.wrong("T1")]})
    await house.hire("bert", {"T1": [sample.wrong("T1")], REVIEW: [PASS]})
    async with house.running():
        run = await house.submit(sample, attempts_max=2)
        log = await house.until_type(run, "run.ended")
    (ended,) = [event.event for event in of(log, run, "run.ended")]
    assert isinstance(ended, run_messages.Ended)
    assert ended.outcome == "rejected"
    assert await assigned(house, run) == []
