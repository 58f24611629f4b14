"""No event is written if stream and store differ: a wiped stream, another stream, or an old database."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest

from bus import fork_check
from bus.embedded.servers import Server
from bus.fork_check import Forked
from bus.recorder import Recorder
from bus.stream import STREAM, Stream
from bus.stream_info import StreamInfo
from domain import organisation
from domain.money import Amount
from governance.log_check import LogCheck
from tests.integration.desks import WAIT_S, Desk, Desks, stamp

MANY = 100
Harm = Callable[[Desk], Awaitable[None]]


async def wiped(desk: Desk) -> None:
    await desk.office.client.jetstream().delete_stream(STREAM)
    await desk.office.stream.ensure()


async def another_one(desk: Desk) -> None:
    """Replace the stream by another stream, which is longer than the first log."""
    await wiped(desk)
    for number in range(10):
        await desk.office.client.jetstream().publish("aura.evt.run.x.tested", f"{number}".encode())


async def begins_later(desk: Desk) -> None:
    await desk.office.client.jetstream().delete_stream(STREAM)
    await desk.office.stream.ensure(first_seq=100)


HARMS: tuple[tuple[Harm, str], ...] = (
    (wiped, "the stream ends at event 0"),
    (another_one, "They belong to different logs"),
    (begins_later, "the stream begins at event 100"),
)


@pytest.mark.parametrize(("harm", "says"), HARMS, ids=[harm.__name__ for harm, _ in HARMS])
async def test_a_gate_on_another_log_refuses_to_write_and_says_why(
    desks: Desks, desk: Desk, harm: Harm, says: str
) -> None:
    await desk.pause()
    kept = len(await desks.recorded(desk))
    await desks.stop_recording()
    await harm(desk)
    last = (await desk.office.stream.info()).last_seq
    fresh = await desks.open()
    for _ in range(2):
        with pytest.raises(Forked, match=says) as caught:
            await fresh.resume()
        assert re.search("repair|Restore", caught.value.hint)
    assert (await fresh.office.stream.info()).last_seq == last
    with pytest.raises(Forked, match=says):
        await Recorder(fresh.office.client, fresh.office.store).run(asyncio.Event())
    assert await fresh.office.store.recorded_up_to() == kept


async def test_a_gate_on_its_own_log_writes(desks: Desks, desk: Desk) -> None:
    await desk.pause()
    await desks.recorded(desk)
    assert (await (await desks.open()).resume()).void is None
    await fork_check.check(desk.office.stream, desk.office.store)


async def test_a_database_that_is_behind_is_caught_up_and_no_fork(desks: Desks, desk: Desk) -> None:
    """The hot window still holds all that the recorder has not stored."""
    await desk.pause()
    assert await desk.office.store.recorded_up_to() == 0
    assert (await (await desks.open()).resume()).void is None
    assert len(await desks.recorded(desk)) == 3


async def test_an_event_that_is_alien_on_one_side_alone_is_a_fork(desks: Desks, desk: Desk) -> None:
    await desks.recorded(desk)
    await desks.stop_recording()
    await wiped(desk)
    await desk.office.client.jetstream().publish("aura.evt.run.x.tested", b"alien")
    with pytest.raises(Forked, match="different logs"):
        await fork_check.check(desk.office.stream, desk.office.store)


async def test_the_same_alien_on_both_sides_is_none(desks: Desks, desk: Desk) -> None:
    await desk.office.client.jetstream().publish("aura.evt.run.x.tested", b"alien")
    assert len(await desks.recorded(desk)) == 2
    await fork_check.check(desk.office.stream, desk.office.store)


class Slow(Stream):
    """A stream in which something else happens between a request for its ends and the next request."""

    between: Callable[[], Awaitable[object]]

    async def info(self) -> StreamInfo:
        info = await super().info()
        await self.between()
        return info


async def test_events_recorded_during_the_check_are_no_fork(desks: Desks, desk: Desk) -> None:
    stream = Slow(desk.office.client)

    async def between() -> None:
        await desk.send("director", organisation.SetBudget(**stamp(), cap=Amount(Decimal(7), 7)))
        await desks.recorded(desk)

    stream.between = between
    await desks.recorded(desk)
    await fork_check.check(stream, desk.office.store)


@pytest.mark.parametrize("other", [True, False], ids=["another-log", "the-same-log"])
async def test_a_server_that_comes_back_with_another_log_stops_gate_and_recorder(
    desks: Desks, desk: Desk, nats: Server, other: bool
) -> None:
    """The recorder is at work, the gate has checked: both look again after the reconnect."""
    recorder = Recorder(desk.office.client, desk.office.store)
    stop = asyncio.Event()
    task = asyncio.create_task(recorder.run(stop))
    await desk.pause()
    await desk.office.store.wait_recorded(2, 10)
    nats.kill()
    if other:
        (nats.store / "jetstream").rename(nats.store / "gone")
    await nats.start()
    if other:
        late = await desks.open()  # makes a stream where there was none
        await another_one(late)
    await _connected(desk)
    if other:
        with pytest.raises(Forked):
            await desk.resume()
        with pytest.raises(Forked):
            await asyncio.wait_for(task, WAIT_S)
        assert await desk.office.store.recorded_up_to() == 2
    else:
        assert (await desk.resume()).void is None
        await desk.office.store.wait_recorded(3, 10)
        stop.set()
        await task


async def _connected(desk: Desk) -> None:
    for _ in range(6000):
        if desk.office.client.is_connected and desk.office.client.stats["reconnects"]:
            return
        await asyncio.sleep(0.02)
    pytest.fail("the connection never came back")


class Counting(Stream):
    """A stream that counts the requests for its end."""

    asked = 0

    async def info(self) -> StreamInfo:
        self.asked += 1
        return await super().info()


async def test_of_many_commands_after_a_start_one_asks_and_all_have_its_answer(desks: Desks, desk: Desk) -> None:
    stream, loader = Counting(desk.office.client), desk.office.loader
    check = LogCheck(stream, desk.office.store)
    await asyncio.gather(*(check.same_log(loader) for _ in range(MANY)))
    await check.same_log(loader)
    assert stream.asked == 1

    await desk.pause()
    await desks.recorded(desk)
    await desks.stop_recording()
    await wiped(desk)
    check = LogCheck(stream, desk.office.store)
    for asked in (2, 3):
        answers = await asyncio.gather(*(check.same_log(loader) for _ in range(MANY)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {Forked}
        assert stream.asked == asked, "a later command asks again"
