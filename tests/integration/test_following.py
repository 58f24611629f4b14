"""A process that follows the live log decides by its events, and reads the stream only if they are not enough."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import pytest
from msgspec.structs import replace

from bus.live_log import IDLE_WAIT_S, REACH_WAIT_S, Live
from domain import organisation, run_messages
from domain.errors import Refused, Unavailable
from domain.law import Standing
from domain.message import Command, Recorded
from domain.registry import Scope
from tests.integration.desks import FOLLOWS, READS, WAIT_S, Desk, Desks, stamp, submit

following = pytest.mark.parametrize("desks", [FOLLOWS], indirect=True)
either = pytest.mark.parametrize("desks", [READS, FOLLOWS], indirect=True)


class CountedReads:
    """A wrapper of a desk's stream that counts the reads."""

    def __init__(self, desk: Desk) -> None:
        self._stream = desk.office.stream
        self.count = 0
        desk.office.loader._stream = self  # type: ignore[assignment]  # it answers all that a loader asks

    async def info(self) -> object:
        self.count += 1
        return await self._stream.info()

    async def tail(self, subject_filter: str, after: int) -> object:
        self.count += 1
        return await self._stream.tail(subject_filter, after)


async def steps_after_submission(desk: Desk) -> None:
    run = uuid4()
    await desk.send("director", submit(run))
    order = await desk.order(run)
    steps: list[Command] = [run_messages.Admit(**stamp(), run=run), run_messages.Plan(**stamp(), run=run)]
    for command in (*steps, order.assign(), order.start(), order.finish(), order.submit()):
        assert (await desk.send("manager", command)).events


@either
async def test_the_steps_of_a_run_that_was_seen_from_its_first_event_cost_no_read(desks: Desks, desk: Desk) -> None:
    """The control reads, and is counted; what both read once is the organisation, the run's own and the employee."""
    await steps_after_submission(desk)
    reads = CountedReads(desk)
    await steps_after_submission(desk)
    if desks.follow:
        assert reads.count <= 4, "the run before its first event, and the new employee: each info and tail"
    else:
        assert reads.count > 4


@either
@pytest.mark.parametrize("body", [b"no event", b"{}"])
async def test_what_is_no_event_in_a_run_s_subjects_stops_nobody(desk: Desk, body: bytes) -> None:
    run = await desk.planned()
    subject = f"aura.evt.run.{run}.strange"
    await desk.office.client.jetstream().publish(subject, body)
    outcome = await desk.end(run)
    assert [event.envelope.type for event in outcome.events] == ["run.ended"]
    assert (await desk.state(run, fresh=False)).phase == "ended"


@either
async def test_an_event_in_another_run_s_subject_counts_for_neither(desk: Desk) -> None:
    mine, other = await desk.planned(), await desk.planned()
    stored = await desk.office.stream.tail(f"aura.evt.run.{mine}.>", 0)
    planned = next(message for message in stored if message.subject.endswith("planned"))
    await desk.office.client.jetstream().publish(f"aura.evt.run.{other}.planned", planned.data)
    for run in (mine, other):
        order = await desk.order(run)
        assert (await desk.send("manager", order.assign())).void is None
        assert len((await desk.state(run, fresh=False)).tasks) == 2


@following
async def test_a_run_that_began_before_is_read_and_then_followed(desks: Desks, desk: Desk) -> None:
    run = await desk.planned()
    await desks.recorded(desk)
    late = await desks.open()
    order = await desk.order(run)
    await desk.send("manager", order.assign())
    assert (await late.send("manager", order.start())).events
    await desk.send("manager", order.finish())
    state = await late.state(run, fresh=False)
    assert state.tasks[order.task].phase in ("calling", "answered")
    assert (await late.send("manager", order.submit())).events
    await desk.state(run)  # what another process has caused is there by now
    log = [event.seq for event in await late.office.loader.history(Scope("run", run))]
    assert log == [event.seq for event in await desk.office.loader.history(Scope("run", run))]
    assert log == sorted(log)
    assert len(log) == 7


@following
async def test_once_following_has_ended_a_command_says_so_and_does_not_wait(desks: Desks, desk: Desk) -> None:
    run = await desk.planned()
    await desks.stop_following()
    with pytest.raises(Unavailable, match="did not arrive here"):
        await desk.end(run)
    other = await desks.open()  # the event is there, and a process that follows gives the first outcome
    assert (await other.state(run)).phase == "ended"


@either
async def test_a_fold_that_is_wrong_is_read_anew_and_not_insisted_on(desk: Desk) -> None:
    """However it came to expect a sequence that never comes: the command passes in the end."""
    run = await desk.planned()
    scope = Scope("run", run)
    async with desk.office.loader.lock(scope):
        loaded = await desk.office.loader.load(scope, fresh=False)
        loaded.seq += 1000
        right = len(loaded.ids)
    assert (await desk.end(run)).events
    async with desk.office.loader.lock(scope):
        assert len((await desk.office.loader.load(scope, fresh=False)).ids) == right + 1


@pytest.mark.parametrize("fed", [True, False])
async def test_who_waits_for_what_was_recorded_before_waits_for_the_beginning_alone(
    desks: Desks, desk: Desk, fed: bool
) -> None:
    """The control is the event after: it has not come."""
    await desk.planned()
    await desks.recorded(desk)
    last = await desk.office.store.recorded_up_to()
    live, stop = Live(desk.office.client, desk.office.store, fed=fed), asyncio.Event()
    early, beyond = (asyncio.create_task(live.reach(seq)) for seq in (last, last + 1))
    await asyncio.sleep(0)
    if fed:
        await live.begin(last)
    following = asyncio.create_task(live.run(stop))
    async with asyncio.timeout(REACH_WAIT_S / 2):
        await early
    assert not beyond.done()
    stop.set()
    await following
    with pytest.raises(Unavailable, match="did not arrive here"):
        await beyond


@following
async def test_what_has_become_legal_a_moment_ago_is_not_refused(desks: Desks, desk: Desk) -> None:
    """The resume of another process has not passed on this desk's live log yet: before it refuses, the gate waits."""
    order, other = await desk.order(), await desks.open()
    await other.pause()
    await desks.heard(desk)
    with pytest.raises(Refused, match="paused"):
        await desk.send("manager", order.assign())
    reader, passing = desks.live_of(desk)._reader, asyncio.Event()
    read = reader.batch

    async def late(wait_s: float) -> list[Recorded]:
        await passing.wait()
        return await read(wait_s)

    reader.batch = late  # type: ignore[method-assign]
    await asyncio.sleep(2 * IDLE_WAIT_S)  # what was under way when this came between has ended
    await other.resume()
    sending = asyncio.create_task(desk.send("manager", order.assign()))
    await asyncio.sleep(IDLE_WAIT_S)
    passing.set()
    assert (await sending).void is None


async def held_back(desks: Desks, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[Recorded]:
    """Keep back the events that the desk's live log reads from now on. Return the list to which they are added."""
    live, held, holding = desks.live_of(desk), list[Recorded](), asyncio.Event()
    append = live._append

    def taken(events: Sequence[Recorded]) -> None:
        if holding.is_set():
            held.extend(events)
        else:
            append(events)

    monkeypatch.setattr(live, "_append", taken)
    await desk.hire()  # the read that was under way still uses the former method
    await desks.heard(desk)
    holding.set()
    monkeypatch.setattr("bus.live_log.REACH_WAIT_S", 0.5)
    return held


@following
async def test_a_decision_is_answered_before_its_event_arrives_if_all_earlier_ones_have(
    desks: Desks, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await desk.planned()
    order = await desk.order(run)
    await held_back(desks, desk, monkeypatch)
    assigned = await desk.send("manager", order.assign())
    assert [event.envelope.type for event in assigned.events] == ["task.assigned"]
    assert assigned.void is None
    with pytest.raises(Unavailable, match="did not arrive"):  # the control: now an earlier event is missing
        await desk.send("manager", order.start())


@following
async def test_a_decision_that_changes_the_standing_waits_for_its_event(
    desks: Desks, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await held_back(desks, desk, monkeypatch)
    with pytest.raises(Unavailable, match="did not arrive"):
        await desk.send("director", organisation.Pause(**stamp(), reason="a test"))


@following
async def test_an_early_event_is_void_if_the_standing_says_so(
    desks: Desks, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate that decided before a pause publishes after it."""
    run = await desk.planned()
    order = await desk.order(run)
    other = await desks.open()
    await other.state(run)
    await desk.send("director", organisation.Pause(**stamp(), reason="a test"))
    await desks.heard(desk)
    with monkeypatch.context() as patched:
        patched.setattr(other.office.loader, "standing", _running)
        assigned = await other.send("manager", order.assign())
    assert assigned.void is not None
    assert (await other.state(run, fresh=False)).tasks[order.task].phase == "waiting"
    assert (await desk.state(run)).tasks[order.task].phase == "waiting"


async def _running(*, fresh: bool) -> Standing:
    del fresh
    return Standing()


@following
async def test_an_early_fold_is_dropped_if_the_event_arrives_with_another_mark(
    desks: Desks, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await desk.planned()
    order = await desk.order(run)
    append = desks.live_of(desk)._append
    held = await held_back(desks, desk, monkeypatch)
    assert (await desk.send("manager", order.assign())).void is None
    assert (await desk.state(run, fresh=False)).tasks[order.task].phase == "assigned"
    for _ in range(round(WAIT_S / 0.02)):
        if held:
            break
        await asyncio.sleep(0.02)
    append([replace(event, void="an event with this id stands earlier in the log") for event in held])
    desk.office.loader._feed()
    assert run not in desk.office.loader._cache
