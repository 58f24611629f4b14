"""The recorder stores every message, marks the ones that do not count, and never stops because of a message."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest

from bus import codec
from bus.codec import Origin
from bus.live_log import Live
from bus.log_reader import LogReader
from bus.log_writer import LogWriter
from bus.push_consumer import Gap
from bus.recorder import Recorder
from bus.sliced import Sliced, slice_message
from bus.store import CONNECT_WAIT_S, POOL_MAX
from bus.stream import STREAM, Stored
from bus.subjects import subject_of
from domain.errors import Unavailable
from domain.message import Event, Recorded
from domain.organisation import Paused
from domain.task import CallStarted
from tests.integration.desks import DIGEST, WAIT_S, Desk, Desks, Order, at
from tests.integration.streams import without_stream
from tests.unit.test_codec import ALIENS

TESTED = "aura.evt.run.x.tested"
REPEATED = "an event with this id stands earlier in the log"


def message(event: Event, *, id: object = None) -> tuple[str, bytes]:
    """Return a message as a gate without any law would publish it."""
    origin = Origin(command=uuid4(), cause=None, principal=uuid4(), role="manager", at=at(), policy="")
    data, envelope = codec.encode(event, id=id or uuid4(), origin=origin, salt=b"s" * 32)  # type: ignore[arg-type]  # a UUID
    return subject_of(envelope), data


async def put(desk: Desk, subject: str, data: bytes) -> int:
    """Publish a message without any gate."""
    return (await desk.office.client.jetstream().publish(subject, data)).seq


def recorder_of(desk: Desk, fault: Callable[[str], None] = lambda _: None) -> Recorder:
    return Recorder(desk.office.client, desk.office.store, fault=fault)


@asynccontextmanager
async def at_work(*recorders: Recorder) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(recorder.run(stop)) for recorder in recorders]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def until_recorded(recorder: Recorder, seq: int) -> None:
    while recorder.position < seq:  # noqa: ASYNC110 - nothing tells of a position
        await asyncio.sleep(0.01)


async def rows(desk: Desk, query: str) -> list[asyncpg.Record]:
    async with desk.office.store.connection() as connection:
        found: list[asyncpg.Record] = await connection.fetch(query)
        return found


async def live(desk: Desk) -> list[Recorded]:
    """Return the log as consumers read it from the stream, before any event is recorded."""
    reader = LogReader(desk.office.client, desk.office.store)
    await reader.begin(0)
    last = (await desk.office.stream.info()).last_seq
    events: list[Recorded] = []
    while reader.position < last:
        events.extend(await reader.batch(1.0))
    await reader.close()
    return events


async def test_what_does_not_count_is_kept_and_void_with_its_reason(desks: Desks, desk: Desk) -> None:
    pause = Paused(reason="x")
    subject, data = message(pause)
    elsewhere, _ = message(CallStarted(run=uuid4(), task=uuid4(), employee=uuid4(), order=uuid4()))
    voids = {
        await put(desk, elsewhere, data): "its subject does not follow from its envelope",
        await put(desk, "aura.evt.organisation.paused", b"hello"): codec.ALIEN,
    }
    first = await put(desk, *message(pause, id=codec.envelope_of(codec.split(message(pause)[1]).envelope).id))
    again = uuid4()
    await put(desk, *message(pause, id=again))
    voids[await put(desk, *message(Paused(reason="another"), id=again))] = REPEATED
    voids[await put(desk, *message(CallStarted(run=uuid4(), task=uuid4(), employee=uuid4(), order=uuid4())))] = (
        "the organisation was paused"
    )
    from_stream = await live(desk)
    log = await desks.recorded(desk)
    assert {event.seq: event.void for event in log if event.void} == voids
    assert first not in voids
    assert log == from_stream
    assert subject == subject_of(log[first - 1].envelope)
    await desk.resume()
    order = await desk.order()
    assert (await desk.send("manager", order.assign())).void is None


async def test_a_repeated_id_is_void_however_far_apart_and_in_one_batch(desks: Desks, desk: Desk) -> None:
    id = uuid4()
    first = await put(desk, *message(Paused(reason="1"), id=id))
    await desks.recorded(desk)
    later = await put(desk, *message(Paused(reason="2"), id=id))
    log = await desks.recorded(desk)
    assert [event.seq for event in log if event.void] == [later]
    assert (await desk.office.store.find(id) or log[0]).seq == first


async def test_a_repeated_stop_stops_nobody_and_all_agree(desks: Desks, desk: Desk) -> None:
    """Paused, resumed, and the first pause once more under its old id: void for the recorder, so for the gate too."""
    pause = await desk.pause()
    await desk.resume()
    subject, data = message(Paused(reason="again"), id=pause.events[0].envelope.id)
    envelope = codec.envelope_of(codec.split(data).envelope)
    assert envelope.id == pause.events[0].envelope.id
    js = desk.office.client.jetstream()
    assert (await js.publish(subject, data)).duplicate is None
    order = await desk.order()
    assert (await desk.send("manager", order.assign())).void is None
    fresh = await desks.open()
    assert (await fresh.send("manager", order.start())).void is None
    log = await desks.recorded(desk)
    assert [event.void for event in log if event.void] == [REPEATED]


async def test_no_alien_bytes_stop_it(desks: Desks, desk: Desk) -> None:
    before = (await desk.office.stream.info()).last_seq
    for data in ALIENS.values():
        await put(desk, TESTED, data())
    last = await put(desk, *message(Paused(reason="honest")))
    from_stream = await live(desk)
    log = await desks.recorded(desk)
    assert log == from_stream
    assert [event.seq for event in log if event.void == codec.ALIEN] == list(range(before + 1, last))
    assert log[-1].void is None
    kept = await rows(desk, f"SELECT envelope FROM log.event WHERE seq > {before} AND seq < {last} ORDER BY seq")
    assert [bytes(row["envelope"]) for row in kept] == [data() for data in ALIENS.values()]


async def test_the_bytes_of_envelope_payload_and_salt_are_kept_as_they_came(desks: Desks, desk: Desk) -> None:
    order = Order(uuid4(), uuid4(), uuid4(), uuid4())
    subject, data = message(CallStarted(**order._asdict()))
    spaced = data.replace(b'"payload":{', b'"payload":{  ').replace(b'"blobs":[]', f'"blobs":["{DIGEST}"]'.encode())
    seq = await put(desk, subject, spaced)
    await desks.recorded(desk)
    (row,) = await rows(desk, f"SELECT * FROM log.payload JOIN log.event USING (seq) WHERE seq = {seq}")
    body = codec.split(spaced)
    assert bytes(row["bytes"]) == bytes(body.payload)
    assert bytes(row["bytes"]).startswith(b"{  ")
    assert bytes(row["envelope"]) == bytes(body.envelope)
    assert (bytes(row["salt"]), row["blobs"], row["run"], row["entity"]) == (b"s" * 32, [DIGEST], order.run, order.task)
    assert [row["digest"] for row in await rows(desk, "SELECT digest FROM log.blob_use")] == [DIGEST]


async def test_two_recorders_at_once_keep_every_message_once(desks: Desks, desk: Desk) -> None:
    other = await desks.open()
    recorders = (recorder_of(desk), recorder_of(other))
    async with at_work(*recorders):
        for number in range(60):
            await put(desk, TESTED, f"{number}".encode())
            if number % 20 == 0:
                await asyncio.sleep(0.4)  # until both are at it again
        last = (await desk.office.stream.info()).last_seq
        await desk.office.store.wait_recorded(last, WAIT_S)
        kept = await rows(desk, "SELECT seq FROM log.event ORDER BY seq")
    assert [row["seq"] for row in kept] == list(range(1, last + 1))


class Crash(BaseException):
    """The process dies at this point."""


@pytest.mark.parametrize("where", ["recorder:before-commit", "recorder:after-commit"])
async def test_a_recorder_that_dies_loses_and_doubles_nothing(desks: Desks, desk: Desk, where: str) -> None:
    def die(point: str) -> None:
        if point == where:
            raise Crash

    for number in range(5):
        await put(desk, TESTED, f"{number}".encode())
    with pytest.raises(Crash):
        await recorder_of(desk, die).run(asyncio.Event())
    kept = await desk.office.store.recorded_up_to()
    assert (kept == 0) == (where == "recorder:before-commit")
    assert len(await rows(desk, "SELECT seq FROM log.event")) == kept
    log = await desks.recorded(desk)
    assert [event.seq for event in log] == list(range(1, 7))


async def test_it_asserts_that_no_sequence_is_missing(desk: Desk) -> None:
    """A batch that does not follow is never stored; a stream without the next message stops it and says so."""
    recorder, writer = recorder_of(desk), LogWriter(desk.office.store, 0)
    with pytest.raises(AssertionError):
        await recorder._keep([Stored(2, TESTED, b"x")], writer)
    with pytest.raises(AssertionError):
        await recorder._keep([Stored(1, TESTED, b"x"), Stored(3, TESTED, b"y")], writer)
    assert await desk.office.store.recorded_up_to() == 0
    await recorder._keep([Stored(1, TESTED, b"x"), Stored(2, TESTED, b"y")], writer)
    await writer.finish()
    assert await desk.office.store.recorded_up_to() == 2


async def test_an_event_reaches_the_live_log_before_its_commit(desk: Desk) -> None:
    """Another session holds the recorder's checkpoint, so that no commit can end."""
    stop, live = asyncio.Event(), Live(desk.office.client, desk.office.store, fed=True)
    recorder = Recorder(desk.office.client, desk.office.store, follower=live)
    async with asyncio.TaskGroup() as group:
        async with desk.office.store.connection() as connection, connection.transaction():
            await connection.execute("SELECT seq FROM log.checkpoint FOR UPDATE")
            group.create_task(recorder.run(stop))
            for number in range(3):
                await asyncio.wait_for(live.reach(await put(desk, TESTED, f"{number}".encode())), WAIT_S)
            assert recorder.position == 0
        await asyncio.wait_for(until_recorded(recorder, live.position), WAIT_S)
        stop.set()
    assert [event.seq for event in await desk.office.store.read(0)] == list(range(1, live.position + 1))


async def test_events_that_come_during_a_commit_share_the_next_one(desk: Desk) -> None:
    batches: list[int] = []
    writer = LogWriter(desk.office.store, 0, on_recorded=lambda batch, _: batches.append(len(batch)))
    for seq in range(1, 8):
        await writer.add([slice_message(Stored(seq, TESTED, b"x"))], [(seq, codec.ALIEN)])
    await writer.finish()
    assert batches == [7]


async def test_an_event_after_a_pause_is_stored_at_once_and_the_next_ones_share_a_commit(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bus.log_writer.COMMIT_EVERY_S", 3600.0)
    batches: list[int] = []
    stored = asyncio.Event()

    def on_recorded(batch: Sequence[Sliced], _: float) -> None:
        batches.append(len(batch))
        stored.set()

    writer = LogWriter(desk.office.store, 0, on_recorded=on_recorded)
    await writer.add([slice_message(Stored(1, TESTED, b"x"))], [(1, codec.ALIEN)])
    await asyncio.wait_for(stored.wait(), WAIT_S)
    for seq in (2, 3):
        await writer.add([slice_message(Stored(seq, TESTED, b"x"))], [(seq, codec.ALIEN)])
        await asyncio.sleep(0)
    await writer.finish()  # without a stop they would wait for the next commit
    assert batches == [1, 2]


async def test_a_writer_that_was_overtaken_stores_nothing_and_says_so(desk: Desk) -> None:
    told: list[str] = []
    writer = LogWriter(desk.office.store, 4, on_failure=lambda: told.append("failed"))
    await writer.add([slice_message(Stored(5, TESTED, b"x"))], [])
    with pytest.raises(Unavailable, match="Another recorder"):
        await writer.finish()
    assert (told, writer.position) == (["failed"], 4)
    assert await desk.office.store.recorded_up_to() == 0


async def test_a_reader_waits_for_a_writer_that_is_far_behind(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bus.log_writer.WAITING_EVENTS_MAX", 2)
    writer = LogWriter(desk.office.store, 0)
    async with desk.office.store.connection() as connection, connection.transaction():
        await connection.execute("SELECT seq FROM log.checkpoint FOR UPDATE")
        adding = asyncio.create_task(writer.add([slice_message(Stored(seq, TESTED, b"x")) for seq in range(1, 6)], []))
        await asyncio.sleep(0.05)
        assert not adding.done()
    await asyncio.wait_for(adding, WAIT_S)
    await writer.finish()
    assert await desk.office.store.recorded_up_to() == 5


async def test_a_gap_in_the_stream_stops_it_and_says_where(nats_url: str, desks: Desks) -> None:
    del nats_url  # the stream is made without the law, so that a message can be lost
    desk = await desks.open()
    js = desk.office.client.jetstream()
    await without_stream(desk.office.client)
    await js.add_stream(name=STREAM, subjects=["aura.evt.>"], allow_direct=True)
    for number in range(5):
        await put(desk, TESTED, f"{number}".encode())
    await js.delete_msg(STREAM, 3)
    with pytest.raises(Gap, match="no event between 2 and 4"):
        await recorder_of(desk).run(asyncio.Event())
    assert await desk.office.store.recorded_up_to() == 2


async def test_nobody_changes_what_is_kept(desks: Desks, desk: Desk) -> None:
    await put(desk, TESTED, b"alien")
    await desks.recorded(desk)
    async with desk.office.store.connection() as connection:
        for table in ("event", "payload", "blob", "blob_use", "void"):
            for statement in (f"DELETE FROM log.{table}", f"TRUNCATE log.{table}"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
                    await connection.execute(statement)
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await connection.execute("UPDATE log.event SET type = 'x'")
    assert len(await desks.recorded(desk)) == 2


@pytest.mark.parametrize("fed", [True, False])
async def test_recorder_and_live_log_do_not_queue_behind_the_commands_that_wait_for_them(desk: Desk, fed: bool) -> None:
    """A start with many commands at hand, which have every connection and wait for what only these two can give."""
    store, stop = desk.office.store, asyncio.Event()
    live = Live(desk.office.client, store, fed=fed)
    recorder = Recorder(desk.office.client, store, follower=live if fed else None)
    seq = await put(desk, TESTED, b"hello")
    async with AsyncExitStack() as held, asyncio.TaskGroup() as group:
        for _ in range(POOL_MAX):
            await held.enter_async_context(store.connection())
        for reader in (recorder, live):
            group.create_task(reader.run(stop))
        try:
            async with asyncio.timeout(CONNECT_WAIT_S):  # in which a command gives up
                await live.reach(seq)
                await until_recorded(recorder, seq)
        finally:
            stop.set()
