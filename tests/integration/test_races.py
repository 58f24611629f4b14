"""Two processes race on the same log, in both orders. The first event in the log decides, and all readers agree."""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from bus.log_reader import LogReader
from domain import employee, organisation, run_messages
from domain.errors import Refused
from domain.message import Command, Recorded, derive
from governance.authority import Role
from projections.manager import ManagerProjection, TaskRow
from tests.integration.desks import FOLLOWS, READS, Desk, Desks, Order, of_type, profile, stamp, submit
from tests.integration.folded_log import rows_of_log
from tests.tiers import CI, every_second_row

both_ways = pytest.mark.parametrize("desks", [READS, FOLLOWS], indirect=True)
one_way = pytest.mark.parametrize("desks", [pytest.param(READS, marks=CI), FOLLOWS], indirect=True)
"""As `both_ways`, for a long table of races: gates that read the stream at each decision run only before a merge."""

Stop = Callable[[Desk, Order], Awaitable[object]]


async def pause(desk: Desk, order: Order) -> None:
    del order  # the whole organisation rests
    await desk.pause()


async def halt(desk: Desk, order: Order) -> None:
    del order  # the whole organisation stops
    await desk.send("director", organisation.Halt(**stamp(), reason="fire"))


async def suspend(desk: Desk, order: Order) -> None:
    await desk.suspend(order.employee)


async def end(desk: Desk, order: Order) -> None:
    await desk.end(order.run)


RACES: tuple[tuple[Stop, str, str], ...] = (
    (pause, "assign", "the organisation was paused"),
    (halt, "assign", "the organisation was halted"),
    (suspend, "assign", "the employee was suspended"),
    (pause, "start", "the organisation was paused"),
    (suspend, "start", "the employee was suspended"),
    (end, "start", "the run had ended"),
    (end, "submit", "the run had ended"),
    (end, "judge", "the run had ended"),
)
RACES_BY_NAME = [(f"{stop.__name__}-{step}", stop, step, reason) for stop, step, reason in RACES]
_STEPS = ("assign", "start", "finish", "submit", "judge")


async def before(desk: Desk, order: Order, step: str) -> None:
    """Do all earlier steps of the task."""
    for name in _STEPS[: _STEPS.index(step)]:
        await desk.send("manager", getattr(order, name)())


def role_of(step: str) -> Role:
    return "verifier" if step == "judge" else "manager"


async def phases(desks: Desks, order: Order, *others: Desk) -> set[str]:
    """Return the task's phase from every gate, from a gate with empty caches, and from the recorded rows."""
    seen = {(await desk.state(order.run)).tasks[order.task].phase for desk in (*others, await desks.open())}
    await desks.recorded(others[0])
    rows = await rows_of_log(others[0].office.store, ManagerProjection())
    line = rows.get(TaskRow, order.run, str(order.task))
    assert line is not None
    return {*seen, line.phase}


async def live(desk: Desk) -> list[Recorded]:
    """Return the log as a consumer reads it from the stream, before any event is recorded."""
    reader = LogReader(desk.office.client, desk.office.store)
    await reader.begin(0)
    last = (await desk.office.stream.info()).last_seq
    events: list[Recorded] = []
    while reader.position < last:
        events.extend(await reader.batch(1.0))
    await reader.close()
    return events


@one_way
@pytest.mark.parametrize(("stop", "step", "reason"), every_second_row(RACES_BY_NAME))
async def test_what_starts_after_it_was_stopped_is_void_for_everybody(
    desks: Desks, desk: Desk, stop: Stop, step: str, reason: str
) -> None:
    order, other = await desk.order(), await desks.open()
    await before(desk, order, step)
    was = (await desk.state(order.run)).tasks[order.task].phase
    desk.publisher.before = lambda: stop(other, order)
    command: Command = getattr(order, step)()
    outcome = await desk.send(role_of(step), command)
    assert outcome.void == reason
    assert await desk.send(role_of(step), command) == outcome
    from_stream = await live(desk)
    assert await phases(desks, order, desk, other) == {was}
    log = await desks.recorded(desk)
    assert log == from_stream
    assert [(event.seq, event.void) for event in log if event.void] == [(outcome.seq, reason)]
    assert log[-2].envelope.type != log[-1].envelope.type == outcome.events[0].envelope.type


@one_way
@pytest.mark.parametrize(("stop", "step", "reason"), every_second_row(RACES_BY_NAME))
async def test_what_started_before_it_was_stopped_counts_for_everybody(
    desks: Desks, desk: Desk, stop: Stop, step: str, reason: str
) -> None:
    order, other = await desk.order(), await desks.open()
    await before(desk, order, step)
    was = (await desk.state(order.run)).tasks[order.task].phase
    desk.publisher.after = lambda: stop(other, order)
    command: Command = getattr(order, step)()
    outcome = await desk.send(role_of(step), command)
    assert (outcome.void, len(outcome.events)) == (None, 1)
    from_stream = await live(desk)
    (phase,) = await phases(desks, order, desk, other)
    assert phase != was
    log = await desks.recorded(desk)
    assert log == from_stream
    assert not any(event.void for event in log)
    assert log[-1].seq == outcome.seq + 1, reason


@both_ways
async def test_a_receipt_counts_after_the_end_of_its_run_in_both_orders(desks: Desks, desk: Desk) -> None:
    other = await desks.open()
    for attribute in ("before", "after"):
        order = await desk.order()
        await before(desk, order, "finish")
        setattr(desk.publisher, attribute, lambda order=order: other.end(order.run))
        outcome = await desk.send("manager", order.finish())
        assert (outcome.void, len(outcome.events)) == (None, 1)
        assert (await other.state(order.run)).spent == (await desk.state(order.run)).spent
        assert (await desk.state(order.run)).spent.tokens > 0


@both_ways
@pytest.mark.parametrize("stopped", [True, False], ids=["before", "after"])
async def test_a_halt_racing_a_plan(desks: Desks, desk: Desk, stopped: bool) -> None:
    run, other = uuid4(), await desks.open()
    await desk.send("director", submit(run))
    await desk.send("manager", run_messages.Admit(**stamp(), run=run))

    async def halting() -> None:
        await other.send("director", organisation.Halt(**stamp(), reason="fire"))

    desk.publisher.before, desk.publisher.after = (halting, None) if stopped else (None, halting)
    outcome = await desk.send("manager", run_messages.Plan(**stamp(), run=run))
    assert outcome.void == ("the organisation was halted" if stopped else None)
    assert (await other.state(run)).phase == (await desk.state(run)).phase == ("admitted" if stopped else "planned")


@both_ways
async def test_after_the_resume_the_same_work_starts_under_a_new_command(desks: Desks, desk: Desk) -> None:
    order, other = await desk.order(), await desks.open()
    desk.publisher.before = other.pause
    first = order.assign()
    void = await desk.send("manager", first)
    await other.resume()
    assert await desk.send("manager", first) == void
    again = await desk.send("manager", order.assign())
    assert again.void is None
    assert await phases(desks, order, desk, other) == {"assigned"}


@both_ways
async def test_a_refused_command_sent_again_when_it_has_become_legal(desks: Desks, desk: Desk) -> None:
    order, other = await desk.order(), await desks.open()
    assign = order.assign()
    await other.pause()
    await desks.heard(desk)  # one that has not heard of it publishes what the law calls void
    for _ in range(2):
        with pytest.raises(Refused, match="paused"):
            await desk.send("manager", assign)
    await other.resume()
    outcome = await desk.send("manager", assign)
    assert (outcome.void, len(outcome.events)) == (None, 1)
    log = await desks.recorded(desk)
    assert len(of_type(log, "refusal.refused")) == len(of_type(log, "task.assigned")) == 1


@both_ways
async def test_a_command_that_was_legal_keeps_its_outcome_when_it_no_longer_is(desks: Desks, desk: Desk) -> None:
    order, other = await desk.order(), await desks.open()
    assign = order.assign()
    outcome = await desk.send("manager", assign)
    await other.pause()
    await other.suspend(order.employee)
    await other.end(order.run)
    for sender in (desk, other, await desks.open()):
        assert await sender.send("manager", assign) == outcome
    assert not of_type(await desks.recorded(desk), "refusal.refused")


@both_ways
async def test_a_stale_cache_refuses_nothing(desks: Desks, desk: Desk) -> None:
    run, other = uuid4(), await desks.open()
    plan = run_messages.Plan(**stamp(), run=run)
    with pytest.raises(Refused):
        await desk.send("manager", await _known(desk, run, plan))
    await other.send("manager", run_messages.Admit(**stamp(), run=run))
    assert desks.follow or (await desk.state(run, fresh=False)).phase == "submitted"
    assert len((await desk.send("manager", plan)).events) == 1
    assert len(of_type(await desks.recorded(desk), "refusal.refused")) == 1


async def _known(desk: Desk, run: UUID, command: Command) -> Command:
    await desk.send("director", submit(run))
    return command


@both_ways
async def test_a_stale_cache_answers_nothing_with_no_event(desks: Desks, desk: Desk) -> None:
    """A sees its employee as it wants it to be; B has changed it since. A's command has something to do after all."""
    who, other = uuid4(), await desks.open()
    mine, theirs = profile("mine"), profile("theirs")
    await desk.send("director", employee.Hire(**stamp(), employee=who, profile=mine))
    await other.send("director", employee.Hire(**stamp(), employee=who, profile=theirs))
    back = await desk.send("director", employee.Hire(**stamp(), employee=who, profile=mine))
    assert len(back.events) == 1
    nothing = await desk.send("director", employee.Hire(**stamp(), employee=who, profile=mine))
    assert nothing.events == ()


@both_ways
async def test_a_stale_cache_publishes_nothing_twice(desks: Desks, desk: Desk) -> None:
    """Both want the first attempt of one task; the slower one finds that there is nothing left to do."""
    order, other = await desk.order(), await desks.open()
    await desk.state(order.run)
    first = await other.send("manager", order.assign())
    rival = Order(order.run, order.task, await other.hire(), uuid4())
    assert (await desk.send("manager", rival.assign())).events == ()
    assert (await desk.state(order.run)).tasks[order.task].order == order.order
    assert [event.seq for event in of_type(await desks.recorded(desk), "task.assigned")] == [first.seq]


@both_ways
@pytest.mark.parametrize("first", ["mine", "theirs"])
async def test_a_lost_answer_and_another_writer(desks: Desks, desk: Desk, first: str) -> None:
    """The scope is the run's: B assigns its other task while A's answer is lost, or just before A publishes."""
    order, other = await desk.order(), await desks.open()
    second = await other.order(order.run, name="T2")

    async def theirs() -> None:
        assert (await other.send("manager", second.assign())).void is None

    desk.publisher.after, desk.publisher.before = (theirs, None) if first == "mine" else (_nothing, theirs)
    assign = order.assign()
    outcome = await desk.send("manager", assign)
    assert [event.envelope.id for event in outcome.events] == [derive(assign.id, 0)]
    for sender in (desk, other):
        assert await sender.send("manager", assign) == outcome
    log = await desks.recorded(desk)
    orders = [event.envelope.command for event in of_type(log, "task.assigned")]
    assert (orders[0] == assign.id) == (first == "mine")
    assert len(orders) == 2
    assert not any(event.void for event in log)


async def _nothing() -> None: ...


@both_ways
@pytest.mark.parametrize("first", ["mine", "theirs"])
@pytest.mark.parametrize("where", ["organisation", "run"])
async def test_a_lost_answer_of_a_batch_and_another_writer(desks: Desks, desk: Desk, where: str, first: str) -> None:
    """An admission writes two scopes at once; the other writer is in one of them."""
    run, another, other = uuid4(), uuid4(), await desks.open()
    await desk.send("director", submit(run))
    await desk.send("director", submit(another))

    async def theirs() -> None:
        if where == "organisation":
            await other.send("manager", run_messages.Admit(**stamp(), run=another))
        elif first == "mine":
            await other.send("manager", run_messages.Plan(**stamp(), run=run))
        else:
            await other.send("manager", run_messages.Admit(**stamp(), run=run))

    desk.publisher.after, desk.publisher.before = (theirs, None) if first == "mine" else (_nothing, theirs)
    desk.publisher.subject_end = ".admitted"
    admit = run_messages.Admit(**stamp(), run=run)
    if where == "run" and first == "theirs":
        with pytest.raises(Refused, match="admitted"):
            await desk.send("manager", admit)
    else:
        outcome = await desk.send("manager", admit)
        assert [event.envelope.id for event in outcome.events] == [derive(admit.id, 0), derive(admit.id, 1)]
        assert await desk.send("manager", admit) == outcome == await other.send("manager", admit)
    log = await desks.recorded(desk)
    for kind in ("organisation.budget_reserved", "run.admitted"):
        assert len([event for event in of_type(log, kind) if not event.void]) == (2 if where == "organisation" else 1)
    assert not any(event.void for event in log)
    assert await desk.state(run) == await other.state(run)
