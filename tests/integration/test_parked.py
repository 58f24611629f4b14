"""A later release and a replay process the events that a release has parked, and all missing effects happen once."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from uuid import UUID, uuid4

import pytest

from bus.projection import Projection
from bus.projection_rows import Rows
from director.services.parked import parked_data
from director.services.run_record import run_data
from director.terminal.text import run_text
from domain import organisation, run_messages, task
from domain.message import Recorded
from projections import replay
from projections.accountant import AccountantProjection
from projections.auditor import AuditorProjection
from projections.manager import ManagerProjection
from runtime.composition import Organisation
from runtime.roles import CONSUMERS, HEAR_AGAIN, ROLES
from tests.integration.house import House, Sample, at, of

HALTED = ["manager", "auditor", "accountant"]


class FormerBoard(ManagerProjection):
    """The manager's projection of a release that does not know a verdict about a merged tree."""

    def apply(self, recorded: Recorded, rows: Rows) -> None:
        if isinstance(recorded.event, run_messages.Verified):
            raise KeyError("verified")
        super().apply(recorded, rows)


class FormerEvidence(AuditorProjection):
    """The verifier's projection of a release that does not know a rejection."""

    def apply(self, recorded: Recorded, rows: Rows) -> None:
        if isinstance(recorded.event, task.Rejected):
            raise KeyError("rejected")
        super().apply(recorded, rows)


class FormerLedger(AccountantProjection):
    """The accountant's projection of the same release."""

    def apply(self, recorded: Recorded, rows: Rows) -> None:
        if isinstance(recorded.event, task.Rejected):
            raise KeyError("rejected")
        super().apply(recorded, rows)


FORMER: dict[str, Callable[[], Projection]] = {
    "manager": FormerBoard,
    "auditor": FormerEvidence,
    "accountant": FormerLedger,
}
FORMER_ROLES = [replace(role, projection=FORMER.get(role.name, role.projection)) for role in ROLES]


async def halted_run(house: House, sample: Sample) -> UUID:
    """Run until the old release cannot continue: no strike is processed, and nothing is delivered."""
    await house.hire("carl", {name: [sample.outside(name), sample.right(name)] for name in sample.numbers})
    async with house.running(make=partial(Organisation, roles=FORMER_ROLES)):
        run = await house.submit(sample)
        await house.until_type(run, "run.verified")
        await house.until(lambda log: len(incidents(log, run, "parked_event")) == len(HALTED))
    return run


def incidents(log: Sequence[Recorded], run: UUID, kind: str) -> list[Recorded]:
    return [event for event in of(log, run, "incident.raised") if getattr(event.event, "kind", None) == kind]


def strikes(log: Sequence[Recorded], run: UUID) -> list[Recorded]:
    """Return HR's events about the incidents of a run."""
    causes = {event.envelope.id for event in incidents(log, run, "integrity")}
    return [event for event in log if event.envelope.role == "hr" and event.envelope.cause in causes]


async def replay_as_said(house: House, run: UUID) -> None:
    """Run the commands that `aura run show` prints."""
    data = await run_data(house.office.store, run)
    said = "aura down && aura replay manager && aura replay auditor && aura replay accountant && aura up"
    assert said in run_text(data)
    assert [one["consumer"] for one in data["parked"]] == HALTED
    for name in HALTED:
        await replay.rebuild(house.office.store, CONSUMERS[name](), react_again=name in HEAR_AGAIN)


async def whole(house: House, run: UUID) -> None:
    """Check that every expected effect has happened once, and that the rows follow from the log."""
    await house.until_type(run, "run.delivered")
    log = await house.until(lambda log: strikes(log, run))
    assert len(incidents(log, run, "integrity")) == len(strikes(log, run)) == 1
    assert len(of(log, run, "task.call_started")) == 2
    assert not [event for event in log if event.envelope.type == "refusal.refused"]
    assert await parked_data(house.office.store) == []


async def test_a_replay_while_it_is_down_cures_what_was_parked(house: House) -> None:
    sample = Sample(1)
    run = await halted_run(house, sample)
    async with house.running():  # the control: the new release alone does not
        other = await house.submit(sample)
        log = await house.until_type(other, "run.delivered")
    assert not of(log, run, "run.delivery_started")
    await replay_as_said(house, run)
    async with house.running():
        await whole(house, run)
    assert (await replay.check(house.office.store, [make() for make in CONSUMERS.values()])).differences == ()


@pytest.mark.slow
@pytest.mark.ci
async def test_a_replay_beside_the_running_organisation_cures_it_with_the_next_event(house: House) -> None:
    sample = Sample(1)
    run = await halted_run(house, sample)
    async with house.running():
        await house.log()
        await replay_as_said(house, run)
        await house.hire("dora", {})
        await whole(house, run)
    assert (await replay.check(house.office.store, [make() for make in CONSUMERS.values()])).differences == ()


@pytest.mark.slow
@pytest.mark.ci
async def test_a_run_that_ended_while_it_was_parked_gives_back_what_it_did_not_spend(house: House) -> None:
    run = await halted_run(house, Sample(1))
    async with house.running():
        word = run_messages.End(id=uuid4(), at=at(), run=run, outcome="cancelled", reason="it stands still")
        await house.director.handle(word)
        log = await house.until_type(run, "run.ended")
    assert not given_back(log, run), "control: nobody has heard of it"
    await replay_as_said(house, run)
    async with house.running():
        log = await house.until(lambda log: given_back(log, run))
    (event,) = given_back(log, run)
    assert isinstance(event.event, organisation.BudgetSettled)
    assert event.event.spent.tokens == charged_tokens(log, run) > 0
    assert not of(log, run, "run.delivery_started")
    assert (await replay.check(house.office.store, [make() for make in CONSUMERS.values()])).differences == ()


def given_back(log: Sequence[Recorded], run: UUID) -> list[Recorded]:
    return [one for one in log if isinstance(one.event, organisation.BudgetSettled) and one.event.for_run == run]


def charged_tokens(log: Sequence[Recorded], run: UUID) -> int:
    events = [one.event for one in of(log, run, "task.call_finished")]
    return sum(event.charged.tokens for event in events if isinstance(event, task.CallFinished))
