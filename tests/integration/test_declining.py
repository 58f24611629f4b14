"""The answer "I cannot do this" is permitted: it is no failure and no strike, and costs little trust."""

import asyncio

import asyncpg
import pytest

from agents.employees.answer_reader.result import CANNOT
from domain import task
from tests.integration.house import House, Sample, of

pytestmark = pytest.mark.needs_sandbox
REASON = "it needs a network"
NO_CODE = "no_code"
TURNS_MAX = 400


@pytest.mark.slow
@pytest.mark.ci
async def test_who_declines_keeps_more_trust_than_who_claims_falsely(house: House) -> None:
    sample = Sample(4)  # as many tasks as employees: each has the first attempt at one
    wrong = {name: [sample.wrong(name)] for name in sample.numbers}
    shy = await house.hire("honest", {name: [{CANNOT: REASON}] for name in sample.numbers})
    await house.hire("boastful", wrong)
    await house.hire("useless", {})
    await house.hire("able", {name: [sample.right(name)] for name in sample.numbers})
    async with house.running():
        run = await house.submit(sample, attempts_max=30)
        log = await house.until_type(run, "run.delivered")
        calls = [event.event for event in of(log, run, "task.call_finished")]
        finished = [call for call in calls if isinstance(call, task.CallFinished)]
        declined = [call for call in finished if call.snapshot.outcome == task.DECLINED]
        assert declined
        assert {call.employee for call in declined} == {shy}
        assert {call.snapshot.message for call in declined} == {REASON}
        assert {call.snapshot.outcome for call in finished} == {"answered", task.DECLINED, NO_CODE}
        assert not [event for event in log if event.envelope.type in ("employee.warned", "incident.raised")]
        scores = await _scores(house, verified=len(sample.numbers))
    honest, boastful, useless, able = (scores[name] for name in ("honest", "boastful", "useless", "able"))
    assert (honest["declined"], honest["failed"], honest["rejected"]) == (len(declined), 0, 0)
    assert boastful["rejected"] > 0 == boastful["declined"]
    assert (useless["verified"], useless["rejected"], useless["unusable"]) == (0, 0, useless["failed"])
    assert useless["unusable"] > 0 == boastful["unusable"] == honest["unusable"]
    assert able["trust"] > honest["trust"] > max(boastful["trust"], useless["trust"])
    assert [_trust(row["rejected"] + row["unusable"]) for row in (boastful, useless)] == [
        float(boastful["trust"]),
        float(useless["trust"]),
    ], "an answer that holds no work costs what a rejected one costs"


def _trust(failures: int) -> float:
    """Return the trust of an employee with this number of failures and no success."""
    return round(1 / (failures + 2), 3)


async def _scores(house: House, *, verified: int) -> dict[str, asyncpg.Record]:
    """Return the scores by name, as `aura scores` reads them, after the accountant has counted the last verdict."""
    for _ in range(TURNS_MAX):
        async with house.office.store.connection() as connection:
            scores = {row["name"]: row for row in await connection.fetch(QUERY)}
        if sum(score["verified"] for score in scores.values()) == verified:
            return scores
        await asyncio.sleep(0.05)
    raise AssertionError("the accountant has not booked it")


QUERY = "SELECT s.*, p.name FROM accountant.score s JOIN hr.person p ON p.scope = s.employee"
