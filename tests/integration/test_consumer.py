"""The consumer runner: it parks events that it cannot process, ignores repeats, and sends nothing in a rebuild."""

import asyncio
from collections.abc import Collection
from uuid import UUID, uuid4

import asyncpg
import pytest

from agents.hr import HR
from bus import codec
from bus.consumer import Runner
from bus.projection import APPLY_ATTEMPTS_MAX, Cause
from bus.projection_rows import Parked, Row, Rows
from bus.subjects import subject_of
from domain import employee, incident
from domain.message import Command, Recorded
from projections.hr import HRProjection, Person, StrikeRow
from projections.replay import rebuild
from tests.integration.consumers import Crash, Kept, Post, at_work, consume, kept, runner_of
from tests.integration.desks import WAIT_S, Desk, Desks, of_type, profile, stamp
from tests.integration.folded_log import rows_of_log


class Picky(HRProjection):
    """HR's projection. It cannot process a warning with the word `poison`, and at first none with `sour`."""

    def __init__(self) -> None:
        self.tried = 0

    def apply(self, recorded: Recorded, rows: Rows) -> None:
        super().apply(recorded, rows)
        if isinstance(recorded.event, employee.Warned):
            self.tried += 1
            if recorded.event.reason == "poison" or (
                recorded.event.reason == "sour" and self.tried < APPLY_ATTEMPTS_MAX
            ):
                raise ValueError(f"cannot take {recorded.event.reason}\0")


class Failing(HR):
    """An HR that cannot react to a hire."""

    def react(self, recorded: Recorded, rows: Rows, cause: Cause) -> list[Command]:
        if isinstance(recorded.event, employee.Hired):
            raise KeyError("nobody")
        return list(super().react(recorded, rows, cause))


async def warn(desk: Desk, who: UUID, reason: str) -> UUID:
    """Warn an employee, as HR does after a strike. Return the event's id."""
    strike = employee.Strike(**stamp(), employee=who, incident=uuid4(), reason=reason)
    return (await desk.send("hr", strike)).events[0].envelope.id


async def accuse(desk: Desk, who: UUID) -> None:
    """Raise an incident to which HR reacts."""
    raised = incident.Raise(**stamp(), incident=uuid4(), kind="integrity", detail="x", strike=True, employee=who)
    await desk.send("auditor", raised)


async def test_what_it_cannot_take_halts_that_entity_alone_and_raises_an_incident(desks: Desks, desk: Desk) -> None:
    bad, good = await desk.hire(), await desk.hire()
    poison = await warn(desk, bad, "poison")
    await warn(desk, good, "careless")
    await desk.suspend(bad)
    await desk.suspend(good)
    picky = Picky()
    runner = runner_of(desk, projection=picky)
    live = await consume(desks, desk, runner)
    assert picky.tried == APPLY_ATTEMPTS_MAX + 1
    people = {scope: row.phase for (scope, _), row in live["person"].items() if isinstance(row, Person)}
    assert people == {bad: "working", good: "suspended"}
    assert {scope for scope, _ in live["strike"]} == {good}
    parked = [row for row in live["parked"].values() if isinstance(row, Parked)]
    assert [row.scope for row in parked] == [bad, bad]
    assert [row.error for row in parked] == [
        "ValueError: cannot take poison\N{REPLACEMENT CHARACTER}",
        "an earlier event of this scope is parked",
    ]
    log = await desks.recorded(desk)
    (raised,) = of_type(log, "incident.raised")
    assert isinstance(raised.event, incident.Raised)
    assert (raised.event.kind, raised.envelope.cause) == ("parked_event", poison)
    assert await _rebuilt(desk, Picky()) == live
    await rebuild(desk.office.store, Picky())
    assert await kept(desk, runner) == live
    again = await consume(desks, desk, runner_of(desk, projection=Picky()))
    assert again == live
    assert len(of_type(await desks.recorded(desk), "incident.raised")) == 1


async def _rebuilt(desk: Desk, projection: HRProjection) -> Kept:
    rows = await rows_of_log(desk.office.store, projection)
    return rows.snapshot()


async def test_what_fails_and_then_passes_is_not_parked(desks: Desks, desk: Desk) -> None:
    who = await desk.hire()
    await warn(desk, who, "sour")
    live = await consume(desks, desk, runner_of(desk, projection=Picky()))
    assert live["parked"] == {}
    assert len(live["strike"]) == 1
    assert not of_type(await desks.recorded(desk), "incident.raised")


async def test_a_reaction_that_fails_parks_its_event_and_leaves_no_rows_of_it(desks: Desks, desk: Desk) -> None:
    who = await desk.hire()
    live = await consume(desks, desk, runner_of(desk, reactor=Failing()))
    assert live["person"] == {}
    assert [row.scope for row in live["parked"].values()] == [who]
    assert len(of_type(await desks.recorded(desk), "incident.raised")) == 1


@pytest.mark.parametrize("damage", ["newer", "unreadable", "nul"])
async def test_a_payload_that_does_not_read_or_cannot_be_kept_is_parked(desks: Desks, desk: Desk, damage: str) -> None:
    who, other = await desk.hire(), await desk.hire()
    event = employee.Warned(employee=who, incident=uuid4(), reason="a\0b" if damage == "nul" else "x")
    origin = codec.Origin(command=uuid4(), cause=None, principal=uuid4(), role="hr", at=1, policy="")
    data, envelope = codec.encode(event, id=uuid4(), origin=origin, salt=b"s" * 32)
    if damage == "newer":
        data = data.replace(b'"version":2', b'"version":3')
    if damage == "unreadable":
        data = data.replace(b'"reason":"x"', b'"reason":["x"]')
    await desk.office.client.jetstream().publish(subject_of(envelope), data)
    await warn(desk, other, "careless")
    live = await consume(desks, desk, runner_of(desk))
    assert [row.scope for row in live["parked"].values()] == [who]
    assert {scope for scope, _ in live["strike"]} == {other}
    assert await _rebuilt(desk, HRProjection()) == live


@pytest.mark.parametrize("where", ["hr:before-send", "hr:before-commit", "hr:after-commit"])
async def test_events_that_come_twice_are_done_once(desks: Desks, desk: Desk, where: str) -> None:
    """The runner dies in the middle of a batch; the next one takes it again."""

    def die(point: str) -> None:
        if point == where:
            raise Crash

    who = await desk.hire()
    await accuse(desk, who)
    first, second = Post(desk), Post(desk)
    await desks.recorded(desk)
    with pytest.raises(Crash):
        await runner_of(desk, first, fault=die).run(asyncio.Event())
    live = await consume(desks, desk, runner_of(desk, second))
    assert [len(post.sent) for post in (first, second)] == {
        "hr:before-send": [0, 1],
        "hr:before-commit": [1, 1],
        "hr:after-commit": [1, 0],
    }[where]
    assert len({command.id for command in (*first.sent, *second.sent)}) == 1
    assert len(of_type(await desks.recorded(desk), "employee.warned")) == 1
    person = live["person"][who, "employee"]
    assert isinstance(person, Person)
    assert person.strikes == 1


async def test_two_of_the_same_consumer_are_harmless(desks: Desks, desk: Desk) -> None:
    other = await desks.open()
    people = [await desk.hire() for _ in range(5)]
    runners = runner_of(desk), runner_of(other)
    await desks.recorded(desk)
    async with at_work(*runners):
        for who in people * 2:
            await accuse(desk, who)
            await asyncio.sleep(0.05)
        log = await _calm(desks, desk, runners)
    assert len(of_type(log, "employee.warned")) == len(of_type(log, "employee.suspended")) == 5
    assert await kept(desk, runners[0]) == await _rebuilt(desk, HRProjection())


async def _calm(desks: Desks, desk: Desk, runners: tuple[Runner, ...]) -> list[Recorded]:
    for _ in range(round(WAIT_S / 0.05)):
        log = await desks.recorded(desk)
        if len(of_type(log, "employee.suspended")) == 5 and min(runner.position for runner in runners) >= log[-1].seq:
            return log
        await asyncio.sleep(0.05)
    raise AssertionError("the runners never caught up")


async def _forms(desk: Desk, version: str) -> None:
    async with desk.office.store.connection() as connection:
        await connection.execute("UPDATE hr.checkpoint SET version = $1", version)


async def test_another_form_of_the_rows_is_rebuilt_and_nothing_is_sent_again(desks: Desks, desk: Desk) -> None:
    who = await desk.hire()
    await accuse(desk, who)
    live = await consume(desks, desk, runner_of(desk))
    await _forms(desk, "of another release")
    shown: list[bool] = []
    post = Post(desk)
    again = await consume(desks, desk, runner_of(desk, post, on_rows=lambda _rows, is_live: shown.append(is_live)))
    assert again == live
    assert post.sent == []
    assert not any(shown[:-1])
    assert shown[-1], "it has caught up: its duties begin, though no further event comes"
    await accuse(desk, who)
    await consume(desks, desk, runner_of(desk, post))
    assert len(post.sent) == 1


async def test_what_the_former_version_saw_is_never_shown_as_new(desks: Desks, desk: Desk) -> None:
    """A duty acts once on what is new to it: an event that came while nobody consumed is, and those before are not."""
    await desk.hire()
    await consume(desks, desk, runner_of(desk))
    await _forms(desk, "of another release")
    await desk.hire()
    await desks.recorded(desk)
    shown: list[tuple[int, bool]] = []

    def on_rows(rows: Rows, is_live: bool) -> None:
        shown.append((len(rows.snapshot()["person"]), is_live))

    await consume(desks, desk, runner_of(desk, Post(desk), on_rows=on_rows))
    assert shown == [(0, False), (1, False), (1, True), (2, True)]
    shown.clear()
    await consume(desks, desk, runner_of(desk, Post(desk), on_rows=on_rows))
    assert [is_live for _, is_live in shown] == [True], "control: rows of the same form are live from the beginning"


async def test_a_rebuild_that_is_cut_off_sends_nothing_when_it_goes_on(desks: Desks, desk: Desk) -> None:
    def die(point: str) -> None:
        if point == "hr:before-commit":
            raise Crash

    who = await desk.hire()
    await accuse(desk, who)
    live = await consume(desks, desk, runner_of(desk))
    await _forms(desk, "of another release")
    post = Post(desk)
    with pytest.raises(Crash):
        await runner_of(desk, post, fault=die).run(asyncio.Event())
    assert (await kept(desk, runner_of(desk)))["person"] == {}
    assert await consume(desks, desk, runner_of(desk, post)) == live
    assert post.sent == []
    await accuse(desk, who)
    await consume(desks, desk, runner_of(desk, post))
    assert len(post.sent) == 1


async def test_it_catches_up_from_the_store_and_goes_on_live(desks: Desks, desk: Desk) -> None:
    first = await desk.hire()
    await desks.recorded(desk)
    runner = runner_of(desk)
    async with at_work(runner):
        second = await desk.hire()
        await desk.send("director", employee.Hire(**stamp(), employee=first, profile=profile("renamed")))
        last = (await desk.office.stream.info()).last_seq
        for _ in range(200):
            if runner.position >= last:
                break
            await asyncio.sleep(0.02)
    names = {
        scope: row.name for (scope, _), row in (await kept(desk, runner))["person"].items() if isinstance(row, Person)
    }
    assert names == {first: "renamed", second: "e"}


class StrikeOfRuns(StrikeRow, frozen=True, kw_only=True):
    of_runs = True


class OfRuns(HRProjection):
    """HR's projection, if its table of strikes were a table of runs."""

    tables = tuple(StrikeOfRuns if kind is StrikeRow else kind for kind in HRProjection.tables)


@pytest.mark.parametrize(("projection", "reads"), [(OfRuns, set()), (HRProjection, {"strike"})])
async def test_a_table_of_runs_is_read_only_for_runs(
    projection: type[HRProjection], reads: set[str], desks: Desks, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[str] = set()
    runner = runner_of(desk, projection=projection())
    read_scopes = runner.tables.read_scopes

    async def noted(connection: asyncpg.Connection, kind: type[Row], scopes: Collection[UUID]) -> list[Row]:
        asked.add(kind.table)
        return await read_scopes(connection, kind, scopes)

    monkeypatch.setattr(runner.tables, "read_scopes", noted)
    await desk.hire()
    await consume(desks, desk, runner)
    assert asked == reads
