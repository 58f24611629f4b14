"""A severe incident pauses an employee or a run in an organisation at work. Closed, the run goes on to its delivery."""

from uuid import UUID, uuid4

import pytest

from domain import incident
from domain.incident import Close, Follows, Raise
from tests.integration.desks import stamp
from tests.integration.house import House, Sample, of

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats]


async def raised(house: House, follows: Follows, *, run: UUID | None = None, employee: UUID | None = None) -> UUID:
    """Raise a severe incident with the auditor's key. Return its id."""
    id, kind = uuid4(), "regression" if employee else "stalled_run"
    await house.gate("auditor").handle(
        Raise(**stamp(), incident=id, kind=kind, detail="worse", run=run, employee=employee, follows=follows)  # type: ignore[arg-type]  # one of two kinds
    )
    return id


async def test_a_paused_employee_gets_no_order_until_the_incident_is_closed(house: House) -> None:
    sample = Sample(1)
    anna = await house.hire("anna", {"T1": [sample.right("T1")]})
    async with house.running():
        id = await raised(house, "pause_employee", employee=anna)
        run = await house.submit(sample)
        await house.until_type(run, "run.planned")
        await house.director.handle(Close(**stamp(), incident=id, reason="it was the server"))
        log = await house.until_type(run, "run.delivered")
    (closed,) = [event for event in log if isinstance(event.event, incident.Closed)]
    assigned = of(log, run, "task.assigned")
    assert len(assigned) == 1
    assert assigned[0].seq > closed.seq
    assert assigned[0].envelope.employee == anna


@pytest.mark.slow
@pytest.mark.ci
async def test_control_an_incident_that_pauses_nothing_stops_nobody(house: House) -> None:
    sample = Sample(1)
    anna = await house.hire("anna", {"T1": [sample.right("T1")]})
    async with house.running():
        await raised(house, "", employee=anna)
        run = await house.submit(sample)
        await house.until_type(run, "run.delivered")
