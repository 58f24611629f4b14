"""Notifications on a real log: once each, none after a replay, none lost by a kill. A dead receiver delays nobody."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from bus.embedded.json_file import write_record
from director.notify import notifier
from director.notify.notifier import notify
from director.notify.progress import State, failing_receivers, receivers_of, state_file
from director.services.replay import rebuild_all
from domain import incident
from domain.organisation import Pause
from tests.integration.house import House, at
from tests.loopback import Loopback, loopback, raw

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats]
WAIT_S, POLL_S = 120.0, 0.05
PROCESS = """
import asyncio, os, signal, sys, time
from pathlib import Path
from director.notify.server import serve_notify

home, dsn, point, nth = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
passed = 0

def fault(at):
    global passed
    passed += at == point
    if at == point and passed == nth:
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(serve_notify(home, dsn, fault=fault))
"""


class Killed(BaseException):
    """The end of a process at a point."""


def receiver(home: Path, name: str, port: int) -> None:
    with (home / "notify.toml").open("a") as file:
        file.write(
            f'[[receiver]]\nkind = "webhook"\nname = "{name}"\nurl = "http://127.0.0.1:{port}/"\nsecret_file = "key"\n'
        )
    (home / "key").write_text("a secret of the test")


def got(server: Loopback) -> Counter[str]:
    return Counter(seen.body["id"] for seen in server.seen)


async def incidents(house: House, count: int) -> set[str]:
    """Raise incidents, and return the ids of their events."""
    gate, ids = house.gate("auditor"), set()
    for number in range(count):
        raise_ = incident.Raise(id=uuid4(), at=at(), incident=uuid4(), kind="stalled_run", detail=f"number {number}")
        ids.add(str((await gate.handle(raise_)).events[0].envelope.id))
    return ids


@asynccontextmanager
async def sending(house: House, **more: object) -> AsyncIterator[asyncio.Task[None]]:
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(notify(house.home, house.office.store, stop, on_ready=ready.set, **more))  # type: ignore[arg-type]
    await asyncio.wait({asyncio.create_task(ready.wait()), task}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield task
    finally:
        stop.set()
        await task


async def until(done: Callable[[], object]) -> None:
    for _ in range(int(WAIT_S / POLL_S)):
        if done():
            return
        await asyncio.sleep(POLL_S)
    raise AssertionError("not in time")


def all_of(server: Loopback, wanted: set[str]) -> Callable[[], bool]:
    return lambda: wanted <= got(server).keys()


async def test_each_event_is_sent_once_and_a_rebuild_and_a_restart_send_none(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier, "AGAIN_FIRST_S", 0.05)
    monkeypatch.setattr(notifier, "POLL_S", 0.05)
    async with (
        house.running(("recorder", "auditor")),
        loopback(raw(204, b"")) as alive,
        loopback(raw(500, b"")) as dead,
    ):
        before = await incidents(house, 1)
        await house.log()
        receiver(house.home, "alive", alive.port)
        receiver(house.home, "dead", dead.port)
        async with sending(house):
            wanted = await incidents(house, 3)
            await house.director.handle(Pause(id=uuid4(), at=at(), reason="this is no notice"))
            await until(all_of(alive, wanted))
            await until(lambda: failing_receivers(house.home))
            (failing,) = failing_receivers(house.home)
            assert (failing.name, failing.error) == ("dead", "It answered HTTP 500.")
            assert {seen.body["topic"] for seen in alive.seen} == {"stalls"}
            dead.reply = raw(204, b"")
            await until(all_of(dead, wanted))
        assert got(alive) == Counter(wanted), "once each, and the earlier event is not sent"
        assert not before & got(alive).keys()
        await house.log()
        await rebuild_all(house.office.store, lambda _: None)
        async with sending(house):
            last = await incidents(house, 1)
            await until(all_of(alive, last))
            await until(all_of(dead, last))
        assert got(alive) == Counter(wanted | last), "the rebuild and the restart have sent nothing again"
        assert [(each.sent, each.error) for each in receivers_of(house.home)] == [(4, ""), (4, "")]


async def test_three_kills_lose_nothing_and_repeat_only_the_same_id(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier, "POLL_S", 0.05)
    async with house.running(("recorder", "auditor")), loopback(raw(204, b"")) as server:
        receiver(house.home, "one", server.port)
        (house.home / "notify").mkdir()
        write_record(state_file(house.home, "one"), State(position=0))
        wanted = await incidents(house, 5)
        await house.log()
        for point in ("before_send", "sent", "sent"):

            def kill(at: str, point: str = point) -> None:
                if at == point:
                    raise Killed

            with suppress(BaseExceptionGroup):
                async with sending(house, fault=kill) as killed:
                    await asyncio.wait({killed})
        async with sending(house):
            await until(all_of(server, wanted))
        seen = got(server)
        assert seen.keys() == wanted
        assert sum(seen.values()) == 5 + 2, "the two kills after the sending each repeat one event, with its id"


@pytest.mark.slow
async def test_fifty_kills_lose_nothing_and_repeat_only_the_same_id(house: House) -> None:
    draw, killed = random.Random(50), 0
    async with house.running(("recorder", "auditor")), loopback(raw(204, b"")) as server:
        receiver(house.home, "one", server.port)
        (house.home / "notify").mkdir()
        write_record(state_file(house.home, "one"), State(position=0))
        wanted: set[str] = set()
        while killed < 50:
            wanted |= await incidents(house, 3)
            await house.log()
            point, nth = draw.choice(("before_send", "sent")), draw.randint(1, 3)
            process = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-c", PROCESS, str(house.home), house.postgres_dsn, point, str(nth)],
                env=os.environ,
                timeout=120,
                check=False,
            )
            assert process.returncode == -signal.SIGKILL
            killed += 1
        async with sending(house):
            await until(all_of(server, wanted))
        seen = got(server)
        assert {UUID(each) for each in seen} == {UUID(each) for each in wanted}, "nothing is missing or unknown"
        repeated = sum(seen.values()) - len(wanted)
        assert 0 < repeated <= killed, "a kill between sending and writing repeats one event"
