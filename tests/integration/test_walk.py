"""The whole path with scripted employees: from a requirement to an approved delivery, and honest failures."""

from uuid import uuid4

import pytest

from domain import employee, run_messages
from tests.integration.house import House, Sample, at, of, types


@pytest.mark.slow
@pytest.mark.ci
async def test_a_requirement_becomes_an_approved_delivery(house: House) -> None:
    sample = Sample(2)
    await house.hire("anna", {task: [sample.right(task)] for task in sample.numbers})
    async with house.running():
        run = await house.submit(sample)
        await house.until_type(run, "run.delivered")
        await house.director.handle(run_messages.Approve(id=uuid4(), at=at(), run=run))
        log = await house.until_type(run, "run.ended")
    print("\n".join(types(log)))
    assert len(of(log, run, "task.verified")) == 2
    ended = of(log, run, "run.ended")[0].event
    assert isinstance(ended, run_messages.Ended)
    assert ended.outcome == "delivered"


async def test_a_cheater_is_warned_and_suspended_and_its_tasks_go_to_another(house: House) -> None:
    sample = Sample(2)
    cheater = await house.hire("cheater", {task: [sample.outside(task)] for task in sample.numbers}, slots=2)
    honest = await house.hire("honest", {task: [sample.right(task)] for task in sample.numbers}, delay_s=0.2)
    async with house.running():
        run = await house.submit(sample)
        log = await house.until_type(run, "run.delivered")
    verified = of(log, run, "task.verified")
    assert {event.envelope.employee for event in verified} == {honest}
    hr = [event.event for event in log if event.envelope.entity_id == cheater]
    print(types(log))
    assert any(isinstance(event, employee.Warned) for event in hr)
