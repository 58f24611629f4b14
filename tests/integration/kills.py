"""The harness of the kill tests: the organisation as a separate process, and the kills."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from bus.embedded.child import Child, log_tail
from bus.embedded.plan import ChildPlan
from bus.embedded.servers import Server
from domain.errors import Unavailable
from tests.integration import killable
from tests.integration.house import House

PROJECT = Path(__file__).parents[2]
LEASE_MARGIN_S = 1.5
READY_WAIT_S = 240.0
REACH_WAIT_S = 240.0
"""If open runs do not reach a point in this time, it counts as unreachable."""
STOP_WAIT_S = 120.0
RETRY_WAIT_S = 0.1
POLL_S = 0.03
SERVER_DELAY_S = 0.004
"""A server that is killed at a point dies within this time (s) after it. A publish or a commit takes about as long."""
RESTARTS_MAX = 10
Target = Literal["organisation", "nats", "postgres", "all"]
COMMITS: Mapping[Target, Sequence[str]] = {
    "nats": ("gate:before-publish",),
    "postgres": ("recorder:before-commit", "manager:before-commit", "accountant:before-commit"),
}
"""The points just before each server commits."""


@dataclass(frozen=True)
class Kill:
    """One kill: at the n-th passing of a point of the organisation, or without a point at any time."""

    target: Target
    point: str = ""
    nth: int = 1
    delay_s: float = 0.0

    def __str__(self) -> str:
        where = f"at {self.point} #{self.nth}" if self.point else "at any time"
        return f"{self.target} {where} + {1000 * self.delay_s:.1f} ms"


def drawn(seed: int, points: Sequence[str], *, randoms: int = 1, servers: int = 1) -> list[Kill]:
    """Return a random list of kills. The same seed gives the same list.

    The organisation is killed at each point and at `randoms` other times. Each server is killed `servers` times at a
    point near its commit, and as often at any time. Once, all three are killed together.
    """
    draw = random.Random(seed)
    kills = [Kill("organisation", point, draw.randint(1, 3)) for point in points]
    alone: list[Target] = ["organisation"]
    stores: list[Target] = ["nats", "postgres"]
    targets: list[Target] = [*alone * randoms, *stores * servers, "all"]
    kills += [Kill(target, delay_s=draw.uniform(0.1, 1.2)) for target in targets]
    for target, points_of in COMMITS.items():
        kills += [
            Kill(target, draw.choice(points_of), draw.randint(1, 3), draw.uniform(0, SERVER_DELAY_S))
            for _ in range(servers)
        ]
    draw.shuffle(kills)
    return kills


class Works:
    """The organisation's process, and the folder with its traps, witness and log."""

    def __init__(self, house: House, *, accountant: Literal["own", "honest", "early"] = "own") -> None:
        self.folder = house.home / "works"
        self.folder.mkdir(parents=True)
        self.armed, self.witness = self.folder / "armed", self.folder / "witness"
        ready, plan = self.folder / "ready", self.folder / "plan.json"
        self.witness.touch()
        plan.write_bytes(
            msgspec.json.encode(
                killable.Plan(
                    home=str(house.home),
                    nats_url=house.nats_url,
                    postgres_dsn=house.postgres_dsn,
                    lease_margin_s=LEASE_MARGIN_S,
                    armed=str(self.armed),
                    ready=str(ready),
                    witness=str(self.witness),
                    accountant=accountant,
                )
            )
        )
        self.child = Child(
            ChildPlan(
                name="organisation",
                argv=(sys.executable, "-W", "error", "-m", "tests.integration.killable", str(plan)),
                log=str(self.folder / "log"),
                probe=f"file:{ready}",
                cwd=str(PROJECT),
            )
        )
        self.starts = 0

    async def start(self) -> None:
        """Start the process and wait until it is ready, unless it runs."""
        if self.child.pid is not None:
            return
        self.armed.unlink(missing_ok=True)
        self.child.start()
        self.starts += 1
        deadline = _now() + READY_WAIT_S
        while not self.child.check():
            self.must_live()
            assert _now() < deadline, f"not ready: {self.log()}"
            await asyncio.sleep(POLL_S)

    async def killed_at(self, kill: Kill, server: Server | None) -> None:
        """Arm the trap and wait until it has killed the server or this process."""
        arming = self.armed.with_suffix(".part")
        pid = server.pid if server else self.child.pid
        assert pid is not None
        arming.write_text(f"{kill.point} {kill.nth} {pid if server else 0} {kill.delay_s}")
        arming.rename(self.armed)
        deadline = _now() + REACH_WAIT_S
        while not _is_dead(pid):
            if server:
                self.must_live()
            assert _now() < deadline, f"{kill.point} was not passed {kill.nth} times: {self.log()}"
            await asyncio.sleep(POLL_S)
        self.armed.unlink()
        status = self.child.kill() if server is None else server.kill()
        assert status in (None, -signal.SIGKILL), f"it ended with status {status} of its own: {self.log()}"

    def kill(self) -> None:
        self.must_live()
        self.child.kill()

    async def stop(self) -> None:
        """Stop in an orderly way. Everything is drained, and the exit status shows this."""
        self.must_live()
        self.child.signal(signal.SIGTERM)
        deadline = _now() + STOP_WAIT_S
        while (status := self.child.ended()) is None:
            assert _now() < deadline, f"it does not stop: {self.log()}"
            await asyncio.sleep(POLL_S)
        assert status == 0, f"it ended with status {status}: {self.log()}"

    def must_live(self) -> None:
        """Check that the process lives. Only our kills may end it."""
        if self.child.pid is None or (status := self.child.ended()) is None:
            return
        raise AssertionError(f"the organisation ended with status {status} of its own: {self.log()}")

    def witnessed(self) -> list[str]:
        """Return one line per call: order, task, employee."""
        return self.witness.read_text().splitlines()

    def log(self) -> str:
        return log_tail(self.child.plan.log, lines_max=60)


async def suffer(works: Works, kills: Sequence[Kill], nats: Server, postgres: Server) -> None:
    """Do each kill in turn. The killed process is started again immediately."""
    servers = {"nats": nats, "postgres": postgres}
    for number, kill in enumerate(kills, start=1):
        await works.start()
        begun = _now()
        if kill.point:
            await works.killed_at(kill, servers.get(kill.target))
        else:
            await asyncio.sleep(kill.delay_s)
            if kill.target in ("organisation", "all"):
                works.kill()
            for name, server in servers.items():
                if kill.target in (name, "all"):
                    server.kill()
        for server in servers.values():
            await _again(server)
        works.must_live()
        print(f"kill {number}: {kill} ({_now() - begun:.1f} s)", flush=True)
    await works.start()


async def _again(server: Server) -> None:
    """Start a killed server again. Sessions that PostgreSQL has lost may delay it for a moment."""
    for _ in range(RESTARTS_MAX):
        if server.pid is not None:
            return
        with suppress(Unavailable):
            await server.start()
            return
        await asyncio.sleep(RETRY_WAIT_S)
    await server.start()


def _is_dead(pid: int) -> bool:
    """Whether a child process of ours has ended. It is not reaped here."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def _now() -> float:
    return asyncio.get_running_loop().time()
