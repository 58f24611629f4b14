"""Sessions with real servers and boxes: from the assignment to a verified task."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import pytest

from agents.employees.posting import Posting
from domain import task
from domain.employee import SessionTerms
from tests.integration.house import House, Sample, of
from tests.turns import Turn, script_of, turn

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.needs_sandbox]


async def hire(house: House, turns: Mapping[str, Sequence[Turn]], delay_s: float = 0.0, **terms: Any) -> UUID:
    """Hire a scripted employee that plays these turns in sessions."""
    return await house.post(
        Posting(
            name="ada",
            kind="scripted",
            script=script_of(house.home / "ada.turns.json", turns),
            delay_s=delay_s,
            session=SessionTerms(**{"minutes": 5, **terms}),
        )
    )


async def test_a_session_writes_checks_and_hands_in(house: House) -> None:
    sample = Sample(1)
    right = sample.right("T1")["adder_t1.py"]
    turns = [
        turn("run", command="ls -A; git status --short; git log --oneline"),
        turn("write", path="adder_t1.py", content=sample.wrong("T1")["adder_t1.py"]),
        turn("check"),
        turn("write", path="adder_t1.py", content=right),
        turn("write", path="notes.txt", content="outside the scope"),
        turn("run", command="python -c 'import adder_t1; print(adder_t1.add(1))'"),
        turn("check"),
        turn("submit"),
    ]
    await hire(house, {"T1": turns})
    async with house.running():
        run = await house.submit(sample)
        log = await house.until_type(run, "run.delivered", wait_s=25)
    (assigned,) = [each.event for each in of(log, run, "task.assigned")]
    assert isinstance(assigned, task.Assigned)
    assert (assigned.form, assigned.calls_max) == ("session", 60)
    receipts = [each.event for each in of(log, run, "task.call_finished")]
    assert [event.index for event in receipts if isinstance(event, task.CallFinished)] == [*range(len(turns))]
    (submitted,) = [each.event for each in of(log, run, "task.submitted")]
    assert isinstance(submitted, task.Submitted)
    assert submitted.dropped == ("notes.txt",)
    assert [*submitted.files] == ["adder_t1.py"]
    texts = await told(house, receipts)
    assert "fatal" not in texts[0]
    assert str(sample.numbers["T1"] + 1) in texts[5]
    assert "A1: 0 of 1 visible cases" in texts[2], texts[2]
    assert "A1: 1 of 1 visible cases" in texts[6], texts[6]
    assert "notes.txt" in texts[6], "the check names what would be dropped"


async def told(house: House, receipts: list[Any]) -> list[str]:
    """Return what the model saw after each call, from the record of the next call's prompt."""
    seen = []
    for event in receipts[1:]:
        last = json.loads(await house.blobs.get(event.prompt.messages[-1]))
        seen.append(last["text"])
    return seen
