"""A running organisation that is stopped, or loses its employee, just before or after an assignment is on the log."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import msgspec
import pytest
from nats.js.errors import NotFoundError

from agents.manager.briefing import COMMANDS_OF_A_TURN_MAX
from bus.publisher import Outgoing
from bus.work_queue import ORDERS, RESULTS
from domain import employee, organisation
from domain.message import Recorded, derive
from governance.authority import Role
from governance.gate import Gate
from governance.log_session import LogSession
from runtime.composition import Organisation
from runtime.process_config import Setup
from tests.integration.desks import HeldPublisher, stamp
from tests.integration.house import House, Sample, of
from tests.tiers import CI

STILL_S = 0.4
"""Time (s) for which a test observes that nothing happens."""


class Assignments(HeldPublisher):
    """A publisher that runs `strike(employee)` once, before or after the first assignment. No answer is lost."""

    house: House
    what: str
    first: bool
    struck: UUID | None = None

    async def publish_events(self, key: UUID, messages: Sequence[Outgoing]) -> tuple[int, ...]:
        ours = messages[0].subject.endswith(".assigned") and self.struck is None
        if ours:
            self.struck = UUID(msgspec.json.decode(messages[0].body)["envelope"]["employee"])
        if ours and self.first:
            await self._strike()
        seqs = await super().publish_events(key, messages)
        if ours and not self.first:
            await self._strike()
        return seqs

    async def _strike(self) -> None:
        assert self.struck is not None
        if self.what == "pause":
            await self.house.director.handle(organisation.Pause(**stamp(), reason="lunch"))
        else:
            await self.house.director.handle(employee.Suspend(**stamp(), employee=self.struck, reason="asked"))


class Struck(Organisation):
    """An organisation whose manager publishes through `Assignments`."""

    def __init__(self, setup: Setup, house: House, what: str, first: bool) -> None:
        super().__init__(setup)
        self._about = (house, what, first)
        self.publisher: Assignments | None = None

    def _gate(self, office: LogSession, role: Role) -> Gate:
        if role != "manager":
            return super()._gate(office, role)
        self.publisher = Assignments(office.client)
        self.publisher.house, self.publisher.what, self.publisher.first = self._about
        shared, office.publisher = office.publisher, self.publisher
        gate = super()._gate(office, role)
        office.publisher = shared
        return gate


async def orders(house: House) -> int:
    """Return the number of orders and hand-ins that were ever put into the work stream."""
    try:
        streams = [await house.office.client.jetstream().stream_info(name) for name in (ORDERS, RESULTS)]
    except NotFoundError:
        return 0
    return sum(stream.state.last_seq for stream in streams)


def assigned(log: Sequence[Recorded]) -> list[Recorded]:
    """Return every assignment, including void ones."""
    return [event for event in log if event.envelope.type == "task.assigned"]


async def two_employees(house: House) -> Sample:
    sample = Sample(1)
    for name in ("anna", "berta"):
        await house.hire(name, {"T1": [sample.right("T1")]})
    return sample


def assignments_of(cause: UUID) -> set[UUID]:
    """Return the possible ids of the first assignment after an event: by the manager, or by the prompt's sizing."""
    return {derive(cause, "manager.assign", index) for index in (0, COMMANDS_OF_A_TURN_MAX)}


@pytest.mark.parametrize(
    "first", [pytest.param(True, id="pause-first"), pytest.param(False, id="assignment-first", marks=CI)]
)
async def test_a_pause_racing_an_assignment(house: House, first: bool) -> None:
    sample = await two_employees(house)
    async with house.running(make=lambda setup: Struck(setup, house, "pause", first)):
        run = await house.submit(sample)
        await house.until(assigned)
        await asyncio.sleep(STILL_S)
        log = await house.log()
        (early,) = assigned(log)
        assert early.void == ("the organisation was paused" if first else None)
        assert not of(log, run, "task.call_started")
        assert await orders(house) == (0 if first else 1), "an order that counts is sent; it permits no call"
        await house.director.handle(organisation.Resume(**stamp(), reason="back"))
        log = await house.until_type(run, "run.delivered")
    if first:
        (resumed,) = (event for event in log if event.envelope.type == "organisation.resumed")
        again = of(log, run, "task.assigned")[0].envelope
        assert again.command in assignments_of(resumed.envelope.id)
        assert again.command != early.envelope.command
        found = [event for event in log if event.envelope.cause == early.envelope.id]
        assert [event.envelope.type for event in found] == ["incident.raised"]
    assert len(of(log, run, "task.assigned")) == len(of(log, run, "task.call_started")) == 1
    assert await orders(house) == 2


@pytest.mark.parametrize(
    "first", [pytest.param(True, id="suspension-first", marks=CI), pytest.param(False, id="assignment-first")]
)
async def test_a_suspension_racing_an_assignment(house: House, first: bool) -> None:
    sample = await two_employees(house)
    async with house.running(make=lambda setup: Struck(setup, house, "suspend", first)):
        run = await house.submit(sample)
        log = await house.until_type(run, "run.delivered", wait_s=20)
    early, late = assigned(log)
    assert early.void == ("the employee was suspended" if first else None)
    assert late.envelope.employee not in (None, early.envelope.employee)
    (suspended,) = (event for event in log if event.envelope.type == "employee.suspended")
    freed = early if first else of(log, run, "task.released")[0]  # or the suspension itself, whichever was heard first
    assert late.envelope.cause in (freed.envelope.id, suspended.envelope.id)
    assert late.envelope.command in assignments_of(late.envelope.cause)
    assert late.envelope.command != early.envelope.command
    assert {event.envelope.employee for event in of(log, run, "task.call_started")} == {late.envelope.employee}
    assert await orders(house) == (2 if first else 3), "an order that counts is sent; it permits no call"
