"""The gate on real servers: a command has one outcome, however often it is sent, and refusals are events."""

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from bus.publisher import EVENT_BYTES_MAX, Outgoing, Stale, Unknown
from domain import employee, organisation, refusal, run_messages
from domain.errors import Conflict, Contention, Forbidden, LimitReached, NotFound, Refused, Unavailable
from domain.message import Command, Event, derive
from domain.money import Amount
from governance.authority import Role
from governance.refusal_limit import REFUSALS_MAX
from tests.integration.desks import FOLLOWS, READS, Desk, Desks, HeldPublisher, of_type, profile, stamp, submit

pytestmark = pytest.mark.parametrize("desks", [READS, FOLLOWS], indirect=True)


async def refusals(desks: Desks, desk: Desk) -> list[refusal.CommandRefused]:
    found = [event.event for event in of_type(await desks.recorded(desk), "refusal.refused")]
    assert all(isinstance(event, refusal.CommandRefused) for event in found)
    return [event for event in found if isinstance(event, refusal.CommandRefused)]


async def test_every_step_of_a_task_passes_once_and_repeats_nothing(desks: Desks, desk: Desk) -> None:
    run = uuid4()
    steps: list[tuple[Role, Command]] = [("director", submit(run))]
    order = await desk.order(run)
    steps += [("manager", run_messages.Admit(**stamp(), run=run)), ("manager", run_messages.Plan(**stamp(), run=run))]
    steps += [("manager", order.assign()), ("manager", order.start()), ("manager", order.finish())]
    steps += [("manager", order.submit()), ("verifier", order.judge())]
    first = [await desk.send(role, command) for role, command in steps]
    assert [len(outcome.events) for outcome in first] == [1, 2, 1, 1, 1, 1, 1, 1]
    for behind in (desk, await desks.open()):
        again = [await behind.send(role, command) for role, command in steps]
        assert again == first
    log = await desks.recorded(desk)
    assert [event.seq for event in log] == list(range(1, len(log) + 1))
    assert len(log) == 2 + sum(len(outcome.events) for outcome in first)


async def test_the_outcome_of_an_admission_is_both_halves_as_often_as_it_is_sent(desks: Desks, desk: Desk) -> None:
    run = uuid4()
    await desk.send("director", submit(run))
    admit = run_messages.Admit(**stamp(), run=run)
    first = await desk.send("manager", admit)
    assert [event.envelope.type for event in first.events] == ["organisation.budget_reserved", "run.admitted"]
    assert [event.envelope.id for event in first.events] == [derive(admit.id, 0), derive(admit.id, 1)]
    assert first.events[0].seq + 1 == first.events[1].seq
    other = await desks.open()
    await other.state(run)
    assert await desk.send("manager", admit) == first == await other.send("manager", admit)


async def test_a_budget_of_nothing_ends_the_run_at_its_admission(desk: Desk) -> None:
    run = uuid4()
    empty = run_messages.Allowance(amount=Amount(), minutes=5)
    await desk.send("director", replace(submit(run), allowance=empty))
    admit = run_messages.Admit(**stamp(), run=run)
    outcome = await desk.send("manager", admit)
    assert [event.envelope.type for event in outcome.events] == ["run.ended"]
    assert await desk.send("manager", admit) == outcome
    fine = await desk.planned()
    assert (await desk.state(fine)).phase == "planned"


async def test_the_director_s_word_on_a_run_is_given_once_and_its_repetition_is_the_same_word(
    desks: Desks, desk: Desk
) -> None:
    run = await desk.planned()
    word = run_messages.End(**stamp(), run=run, outcome="cancelled", reason="not needed")
    first = await desk.send("director", word)
    other = await desks.open()
    assert await desk.send("director", word) == first == await other.send("director", word)
    for behind in (desk, other):
        with pytest.raises(Conflict, match=r"ended \(cancelled\)"):
            await behind.send("director", replace(word, id=uuid4(), reason="another reason"))
    (ended,) = of_type(await desks.recorded(desk), "run.ended")
    assert isinstance(ended.event, run_messages.Ended)
    assert ended.event.reason == "not needed"
    assert [event.code for event in await refusals(desks, desk)] == ["conflict", "conflict"]


async def test_a_refusal_is_an_event_under_the_name_of_who_was_refused(desks: Desks, desk: Desk) -> None:
    order = await desk.order()
    with pytest.raises(Forbidden):
        await desk.send("employee", order.assign())
    with pytest.raises(Refused):
        await desk.send("manager", order.start())
    somebody = uuid4()
    with pytest.raises(Refused):
        await desk.gate("manager").handle(order.submit(), on_behalf_of=somebody)
    with pytest.raises(NotFound):
        await desk.send("manager", (await desk.order(run=uuid4())).assign())
    found = await refusals(desks, desk)
    assert [(event.command, event.code) for event in found] == [
        ("Assign", "forbidden"),
        ("StartCall", "refused"),
        ("SubmitWork", "refused"),
        ("Assign", "not_found"),
    ]
    manager = desk.gate("manager").principal.id
    assert [event.principal for event in found] == [
        desk.gate("employee").principal.id,
        manager,
        somebody,
        manager,
    ]
    assert not (await desk.send("manager", order.assign())).void


@pytest.mark.parametrize("whose", ["the employee's", "somebody's"])
async def test_what_is_refused_in_an_employees_name_moves_nothing_of_the_employee(desk: Desk, whose: str) -> None:
    order = await desk.order()
    await desk.send("director", employee.Suspend(**stamp(), employee=order.employee, reason="t"))
    with pytest.raises(Refused):
        await desk.gate("manager").handle(
            order.submit(), on_behalf_of=order.employee if whose == "the employee's" else uuid4()
        )
    await desk.send("director", organisation.Pause(**stamp(), reason="what follows the log has passed the refusal"))
    outcome = await desk.send("director", employee.Reinstate(**stamp(), employee=order.employee, reason="t"))
    assert [event.envelope.type for event in outcome.events] == ["employee.reinstated"]


async def test_the_same_refusal_stands_once_until_its_scope_has_moved(desks: Desks, desk: Desk) -> None:
    order = await desk.order()
    start = order.start()
    for _ in range(3):
        with pytest.raises(Refused):
            await desk.send("manager", start)
    assert len(await refusals(desks, desk)) == 1
    await desk.send("manager", (await desk.order(order.run, name="T2")).assign())
    with pytest.raises(Refused):
        await desk.send("manager", start)
    assert len(await refusals(desks, desk)) == 2
    assert not any(event.void for event in await desks.recorded(desk))


class Deaf(HeldPublisher):
    """A publisher of refusals. They arrive, but `lost` answers are lost. With `says`, nothing is published."""

    lost = 0
    says: type[Stale] | None = None

    async def publish_events(self, key: UUID, messages: Sequence[Outgoing]) -> tuple[int, ...]:
        if self.says is not None:
            raise self.says("The test says so.")
        seqs = await super().publish_events(key, messages)
        if messages[0].subject.endswith(".refused") and self.lost:
            self.lost -= 1
            raise Unknown("No acknowledgement came: the test lost it.")
        return seqs


async def test_a_refusal_whose_answer_is_lost_stands_once(desks: Desks, desk: Desk) -> None:
    publisher = Deaf(desk.office.client)
    desk.office.publisher = publisher
    publisher.lost = 1
    with pytest.raises(Forbidden):
        await desk.send("employee", organisation.Pause(**stamp(), reason="x"))
    assert [event.count for event in await refusals(desks, desk)] == [1]


async def test_a_refusal_that_cannot_be_written_is_counted_in_the_next_one(desks: Desks, desk: Desk) -> None:
    publisher = Deaf(desk.office.client)
    desk.office.publisher = publisher
    publisher.says = Unknown
    with pytest.raises(Unavailable):
        await desk.send("employee", organisation.Pause(**stamp(), reason="x"))
    publisher.says = None
    await desk.gate("employee").flush_refusals(at=1, everything=True)
    assert [event.count for event in await refusals(desks, desk)] == [1]


async def test_losing_every_race_is_contention_and_no_refusal(desks: Desks, desk: Desk) -> None:
    publisher = Deaf(desk.office.client)
    desk.office.publisher = publisher
    publisher.says = Stale
    pause = organisation.Pause(**stamp(), reason="x")
    with pytest.raises(Contention):
        await desk.send("director", pause)
    publisher.says = None
    assert await refusals(desks, desk) == []
    assert len((await desk.send("director", pause)).events) == 1


async def test_an_event_above_its_limit_is_refused_and_not_tried_for_ever(desks: Desks, desk: Desk) -> None:
    with pytest.raises(LimitReached):
        await desk.send("director", organisation.Pause(**stamp(), reason="x" * EVENT_BYTES_MAX))
    assert [event.command for event in await refusals(desks, desk)] == ["Pause"]
    assert (
        len((await desk.send("director", organisation.Pause(**stamp(), reason="x" * (EVENT_BYTES_MAX // 2)))).events)
        == 1
    )


async def test_many_gates_write_one_scope_and_nothing_is_lost_or_doubled(desks: Desks, desk: Desk) -> None:
    """Three offices hire and rename the same employee at once: each command's event stands once."""
    who = uuid4()
    offices = [desk, await desks.open(), await desks.open()]
    commands = [employee.Hire(**stamp(), employee=who, profile=profile(f"e{number}")) for number in range(9)]

    async def insist(desk: Desk, command: employee.Hire) -> None:
        while True:
            try:
                await desk.send("director", command)
            except Contention:
                continue
            return

    await asyncio.gather(*(insist(offices[index % 3], command) for index, command in enumerate(commands)))
    hired = of_type(await desks.recorded(desk), "employee.hired")
    assert sorted(event.envelope.command for event in hired) == sorted(command.id for command in commands)
    assert not any(event.void for event in hired)


async def test_decisions_of_many_runs_go_out_as_groups(desks: Desks, desk: Desk) -> None:
    runs = [uuid4() for _ in range(60)]
    outcomes = await asyncio.gather(*(desk.send("director", submit(run)) for run in runs))
    assert desk.publisher.groups > 0
    seqs = {event.envelope.run: event.seq for event in of_type(await desks.recorded(desk), "run.submitted")}
    assert seqs == {run: outcome.seq for run, outcome in zip(runs, outcomes, strict=True)}


async def test_the_rate_limit_holds_refusals_back_and_sums_them_up(desks: Desks, desk: Desk) -> None:
    gate, tried = desk.gate("employee"), REFUSALS_MAX + 15
    for _ in range(tried):
        with pytest.raises(Forbidden):
            await gate.handle(organisation.Pause(**stamp(), reason="x"))
    other = desk.gate("auditor")
    with pytest.raises(Forbidden):
        await other.handle(organisation.Pause(**stamp(), reason="x"))
    written = await refusals(desks, desk)
    assert len([event for event in written if event.principal == gate.principal.id]) == REFUSALS_MAX
    assert len([event for event in written if event.principal == other.principal.id]) == 1
    await gate.flush_refusals(at=1, everything=True)
    written = await refusals(desks, desk)
    mine = [event for event in written if event.principal == gate.principal.id]
    assert (mine[-1].count, mine[-1].code) == (15, "rate_limited")
    assert sum(event.count for event in mine) == tried


async def test_what_an_event_says_of_its_origin_is_the_key_and_never_the_command(desk: Desk) -> None:
    outcome = await desk.send("director", organisation.Pause(**stamp(), reason="x"))
    envelope = outcome.events[0].envelope
    assert (envelope.principal, envelope.role) == (desk.gate("director").principal.id, "director")
    second = await desk.gate("director", name="deputy").handle(organisation.Resume(**stamp(), reason="y"))
    assert second.events[0].envelope.principal != envelope.principal
    assert second.events[0].envelope.role == "director"
    assert isinstance(second.events[0].event, Event)
