"""Criteria that do not detect mistakes become an incident of the run, with the mistakes and without an employee."""

import pytest

from domain import incident
from tests.integration.house import House, Sample, of
from verification.judge import judge

pytestmark = pytest.mark.needs_sandbox

UNASKED = """def add(n):
    if n > 100000:
        return 100000
    if n < -100000:
        return -100000
    return n + {number}
"""


@pytest.mark.slow
@pytest.mark.ci
async def test_the_director_is_told_of_weak_criteria_and_nobody_is_blamed(house: House) -> None:
    strong, weak = Sample(1), Sample(1)
    unasked = {f"{weak.module('T1')}.py": UNASKED.format(number=weak.numbers["T1"])}
    await house.hire("anna", {"T1": [strong.right("T1"), unasked]})
    async with house.running(judge=judge):
        control = await house.submit(strong)
        await house.until_type(control, "run.delivered")
        run = await house.submit(weak)
        await house.until_type(run, "run.delivered")
        log = await house.until_type(run, "incident.raised")
    (raised,) = [event.event for event in of(log, run, "incident.raised")]
    assert isinstance(raised, incident.Raised)
    assert (raised.kind, raised.employee, raised.strike) == ("weak_criteria", None, False)
    assert f"{weak.module('T1')}.py:" in raised.detail
    assert of(log, control, "incident.raised") == []
    staff = [event.envelope.type for event in log if event.envelope.entity == "employee"]
    assert staff == ["employee.hired"]
