"""Many starts after kills and stops: the recorder continues as soon as the servers answer.

Each start finds a backlog of events. For each of them the auditor sends a command, so all these commands need the log
at the same time. Set AURA_DRILL_SEED=n for the same deaths, and AURA_DRILL_STARTS=n for more starts.
"""

import asyncio
import multiprocessing
import os
import random
import secrets
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from nats.errors import Error as NatsError

from bus.embedded.home import Home
from bus.embedded.servers import Server, nats_at, postgres_at
from domain.errors import Unavailable
from governance import keys
from runtime.composition import Organisation
from runtime.process_config import Setup
from tests.integration.house import House

pytestmark = [pytest.mark.slow, pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.timeout(7200)]

SUBJECT = "aura.evt.run.x.tested"
STARTS = int(os.environ.get("AURA_DRILL_STARTS", "40"))
ROLES = ("recorder", "manager", "auditor", "accountant", "hr")
DEATHS = ("kill", "stop", "postgres", "nats", "servers", "all")
BACKLOG_MAX = 400
STALL_S = 20.0
"""The longest time (s) for which the recorder may make no progress behind the stream's end. A command gives up after 30
s."""
WAIT_S = 120.0
POLL_S = 0.02
PROCESSES = multiprocessing.get_context("forkserver")
"""With this start method a start imports no modules, so only the time of our code is measured."""


def serve(home: Path, nats_url: str, postgres_dsn: str) -> None:
    """Run as a process of the organisation until SIGTERM."""

    async def work() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await Organisation(Setup(home, nats_url, postgres_dsn, roles=ROLES)).run(stop)

    asyncio.run(work())


@dataclass
class Starts:
    """One organisation on its own servers, and the times of its starts."""

    house: House
    postgres: Server
    nats: Server
    draw: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    longest: dict[str, float] = field(default_factory=dict)
    stood: dict[str, float] = field(default_factory=dict)
    process: BaseProcess | None = None

    def begin(self) -> None:
        home = self.house
        self.process = PROCESSES.Process(target=serve, args=(home.home, home.nats_url, home.postgres_dsn))
        self.process.start()

    async def end(self, death: str) -> None:
        """End the processes that the next start replaces. The servers run again at the end."""
        process = self.process
        assert process is not None
        if death in ("kill", "all"):
            process.kill()
        elif death == "stop":
            process.terminate()
        if death in ("postgres", "servers", "all"):
            self.postgres.kill()
        if death in ("nats", "servers", "all"):
            self.nats.kill()
        if death in ("kill", "stop", "all"):
            await asyncio.to_thread(process.join)
            assert death != "stop" or process.exitcode == 0
        for server in (self.nats, self.postgres):
            await up(server)

    async def start(self, death: str) -> None:
        """Write a backlog, start the missing processes, and wait until the recorder has stored the backlog."""
        messages = self.draw.randint(1, BACKLOG_MAX)
        last = max(await asyncio.gather(*(self.put() for _ in range(messages))))
        if self.process is None or self.process.exitcode is not None:
            self.begin()
        began = moved = time.monotonic()
        seen, stood = -1, 0.0
        while seen < last:
            try:
                kept = await self.house.office.store.recorded_up_to()
            except Unavailable:
                kept = seen
            now = time.monotonic()
            if kept > seen:
                seen, moved = kept, now
            stood = max(stood, now - moved)
            assert now - began < WAIT_S, f"after {death} the recorder stands at {seen}, the stream at {last}"
            await asyncio.sleep(POLL_S)
        self.counts[death] += 1
        self.longest[death] = max(self.longest.get(death, 0.0), time.monotonic() - began)
        self.stood[death] = max(self.stood.get(death, 0.0), stood)

    async def put(self) -> int:
        """Publish a message that is not an event, until a server has answered. Return its sequence."""
        while True:
            try:
                return (await self.house.office.client.jetstream().publish(SUBJECT, b"hello")).seq
            except (NatsError, TimeoutError):
                await asyncio.sleep(POLL_S)

    def table(self) -> str:
        lines = [
            f"{death:9}{self.counts[death]:6}{self.longest[death]:13.1f} s{self.stood[death]:11.1f} s"
            for death in self.counts
        ]
        return "\n".join(["after     starts  the longest  stood still", *lines])


async def up(server: Server) -> None:
    """Start a server that does not run. A start of Postgres fails while sessions of the killed server remain."""
    deadline = time.monotonic() + WAIT_S
    while server.pid is None:
        try:
            await server.start()
        except Unavailable:
            assert time.monotonic() < deadline, "the server does not start"
            await asyncio.sleep(POLL_S)


@asynccontextmanager
async def organisation(folder: Path, draw: random.Random) -> AsyncIterator[Starts]:
    postgres, nats = postgres_at(Home(folder / "starts")), nats_at(folder / "starts-nats")
    starts: Starts | None = None
    try:
        await postgres.start()
        await nats.start()
        house = House(folder / "starts-home", nats.url, postgres.url)
        for role in ("manager", "auditor", "accountant", "hr"):
            keys.load_or_create(house.home / "keys", role)
        await house.open()
        await house.found()
        starts = Starts(house, postgres, nats, draw)
        yield starts
        await house.office.close()
    finally:
        if starts is not None and starts.process is not None:
            starts.process.kill()
            starts.process.join()
        nats.kill()
        postgres.kill()


async def test_the_recorder_goes_on_after_every_start(open_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("AURA_DRILL_SEED") or secrets.randbelow(2**31))
    draw = random.Random(seed)
    PROCESSES.set_forkserver_preload([__name__])
    async with organisation(open_folder, draw) as starts:
        await starts.start("nothing")
        for _ in range(STARTS):
            await asyncio.sleep(draw.uniform(0, 0.5))
            death = draw.choice(DEATHS)
            await starts.end(death)
            await starts.start(death)
        with capsys.disabled():
            print(f"\nThe same deaths again: AURA_DRILL_SEED={seed}\n{starts.table()}")
        assert max(starts.stood.values()) < STALL_S
