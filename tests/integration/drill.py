"""The harness of the drills: an organisation as `aura up --processes` runs it, its kills, and their cost."""

import asyncio
import os
import random
import re
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import msgspec

from bus.embedded import stack
from bus.embedded.child import log_tail
from bus.embedded.process import ProcessId, alive, identify, send
from bus.embedded.status import ChildStatus
from director.deployment import processes
from director.services.process_list import readiness
from director.settings import Settings
from domain.errors import Unavailable
from governance.authority import WORKER_RIGHTS
from observability.process_registry import at_work
from tests.integration.drilled import FOLDER, WITNESS
from tests.integration.hits import SERVERS, VICTIMS, Hit
from tests.integration.house import House

PROJECT = Path(__file__).parents[2]
RESTART_S = 0.2
READY_WAIT_S = 240.0
REACH_WAIT_S = 12.0
"""If a point is not passed within this time, the victim is killed without it, and the table shows this."""
EVEN_WAIT_S = 240.0
BETWEEN_HANGS_S = (0.3, 1.5)
HANG_S = (0.3, 4.0)
"""If a role hangs for longer than the time of its call or order, its hand-in comes too late."""
POLL_S = 0.02
TOLD_LINES = 80
MISSING_SERVER = 69
LOCKED_DATABASE = 1
"""Exit status of a process that ends without a kill: its server was away, or Postgres still had old sessions."""


@dataclass(frozen=True)
class Struck:
    """A kill that was done. `ready_s`: the time from the death until the supervisor had the process ready again."""

    victim: str
    point: str
    ready_s: float


@dataclass
class Drill:
    """One organisation under the supervisor, with one process per role. Each process has a trap that can kill it."""

    settings: Settings
    house: House = field(init=False)
    struck: list[Struck] = field(default_factory=list)
    stopped: dict[str, int] = field(default_factory=dict)
    """After the end: the exit status of each process when it was told to stop."""
    _coming: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def up(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / WITNESS).touch()
        children = [
            msgspec.structs.replace(
                child,
                argv=(sys.executable, "-W", "error", "-m", "tests.integration.drilled", child.name),
                env={**child.env, "PYTHONPATH": str(PROJECT)},
            )
            for child in processes.apart(self.settings)
        ]
        found = await stack.up(
            self.settings.root,
            extra=children,
            rights=WORKER_RIGHTS,
            restart_longest_s=self.settings.restart_wait_max_s,
            on_progress=lambda _: None,
        )
        assert found.endpoints is not None
        self.house = House(self.settings.root, found.endpoints.nats_url, found.endpoints.postgres_dsn)
        await self.house.open()
        await self.house.found()

    async def down(self) -> None:
        for task in self._coming.values():
            task.cancel()
        if hasattr(self, "house"):
            await self.house.office.close()
        await stack.down(self.settings.root, on_progress=lambda _: None)
        self.stopped = self._stops()

    @property
    def folder(self) -> Path:
        return self.settings.root / FOLDER

    def witnessed(self) -> list[str]:
        """Return one line per call: order, task, employee."""
        return (self.folder / WITNESS).read_text().splitlines()

    def child(self, name: str) -> ChildStatus:
        return next(child for child in stack.status(self.settings.root).children if child.name == name)

    async def until_ready(self, name: str) -> ChildStatus:
        deadline = time.monotonic() + READY_WAIT_S
        while not (found := self.child(name)).ready:
            assert time.monotonic() < deadline, f"{name} is not ready: {log_tail(found.log, 30)}"
            await asyncio.sleep(POLL_S)
        return found

    async def suffer(self, hits: Sequence[Hit]) -> None:
        """Do each kill in turn. The supervisor starts the killed process again."""
        for number, hit in enumerate(hits, start=1):
            if hit.victim in self._coming:
                await self._coming.pop(hit.victim)
            await asyncio.sleep(hit.pause_s)
            for name in {hit.by or hit.victim} | ({hit.victim} if hit.steady else set()):
                await self.until_ready(name)
            process = await self._running(hit.victim)
            point = await self._kill(hit, process)
            self._coming[hit.victim] = asyncio.create_task(self._back(number, hit, process, point, time.monotonic()))
            if hit.wait:
                await self._coming.pop(hit.victim)
        for task in self._coming.values():
            await task
        self._coming.clear()

    async def hang(self, draw: random.Random, enough: asyncio.Event) -> None:
        """Until `enough` is set, stop the process of a role again and again, and continue it after a while."""
        while not enough.is_set():
            await asyncio.sleep(draw.uniform(*BETWEEN_HANGS_S))
            role = draw.choice(processes.ROLES)
            process = identify(self.child(role).pid or 0)
            if process is not None and send(process, signal.SIGSTOP):
                await asyncio.sleep(draw.uniform(*HANG_S))
                send(process, signal.SIGCONT)

    async def _running(self, name: str) -> ProcessId:
        deadline = time.monotonic() + READY_WAIT_S
        while True:
            pid = self.child(name).pid
            process = identify(pid) if pid else None
            if process is not None:
                return process
            assert time.monotonic() < deadline, f"{name} does not start"
            await asyncio.sleep(POLL_S)

    async def _kill(self, hit: Hit, victim: ProcessId) -> str:
        """Kill the process, and return the point at which it was killed."""
        if not hit.point:
            os.kill(victim.pid, signal.SIGKILL)
            return "any time"
        armed = self.folder / f"{hit.by}.armed"
        part = armed.with_suffix(".part")
        part.write_text(f"{hit.point} {hit.nth} {victim.pid if hit.victim in SERVERS else 0} {hit.delay_s}")
        part.rename(armed)
        deadline = time.monotonic() + REACH_WAIT_S
        try:
            while alive(victim):
                if time.monotonic() > deadline:
                    os.kill(victim.pid, signal.SIGKILL)
                    return f"any time ({hit.point} not passed)"
                await asyncio.sleep(POLL_S)
        finally:
            armed.unlink()
        return hit.point

    async def _back(self, number: int, hit: Hit, killed: ProcessId, point: str, died: float) -> None:
        deadline = died + READY_WAIT_S
        while True:
            found = self.child(hit.victim)
            if found.ready and found.pid != killed.pid:
                break
            assert time.monotonic() < deadline, f"{hit.victim} did not come back: {log_tail(found.log, 30)}"
            await asyncio.sleep(POLL_S)
        self.struck.append(Struck(hit.victim, point, time.monotonic() - died))
        print(f"kill {number}: {hit}: {point}, ready again after {self.struck[-1].ready_s:.1f} s", flush=True)

    async def even(self) -> None:
        """Wait until every process says that it is ready and has passed the last event, twice in a row."""
        deadline, times = time.monotonic() + EVEN_WAIT_S, 0
        while times < 2:
            problem = await self._uneven()
            times = 0 if problem else times + 1
            assert time.monotonic() < deadline, problem
            await asyncio.sleep(0.3)

    async def _uneven(self) -> str:
        try:
            last = (await self.house.office.stream.info()).last_seq
        except Unavailable as error:
            return str(error)
        present = {one.name: one for one in at_work(self.settings.root)}
        for role in processes.ROLES:
            url = present[role].url if role in present else None
            report = await asyncio.to_thread(readiness, url) if url else None
            if report is None or not report.ready:
                return f"{role} is not ready: {report}"
            if any(reader.position != last for reader in report.readers.values()):
                return f"{role} is not at {last}: {report.readers}"
        return ""

    async def replay(self) -> list[str]:
        """Run the command `aura replay --check`. The result is empty if the rows are equal."""
        done = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "director", "replay", "--check", "--json"),
            stdout=asyncio.subprocess.PIPE,
            cwd=PROJECT,
        )
        said, _ = await done.communicate()
        return [f"aura replay --check: exit {done.returncode}: {said.decode()}"] if done.returncode else []

    def _stops(self) -> dict[str, int]:
        said = Path(stack.status(self.settings.root).supervisor_log).read_text()
        return {
            name: int(code) for name, code in re.findall(r" (\S+): stopped with status (-?\d+)$", said, re.MULTILINE)
        }

    def deaths(self) -> Counter[tuple[str, str]]:
        """Return a line for each death in the supervisor's log: the process and how it ended."""
        said = Path(stack.status(self.settings.root).supervisor_log).read_text()
        form = r"\S+ (\S+): (was killed by \S+|ended with status \d+) after \d+\.\d s; restart \d+ in \d+\.\d s"
        return Counter((found[1], found[2]) for line in said.splitlines() if (found := re.fullmatch(form, line)))

    def incidents(self) -> list[str]:
        """Name what is wrong with the deaths: each kill has one line and one restart, and few others end."""
        deaths, wrong = self.deaths(), []
        for name in VICTIMS:
            kills, restarts = sum(one.victim == name for one in self.struck), self.child(name).restarts
            found = {how: count for (who, how), count in deaths.items() if who == name}
            if found.get("was killed by SIGKILL", 0) != kills:
                wrong.append(f"{name} was killed {kills} times, and the supervisor's log says {found}")
            if sum(found.values()) != restarts:
                wrong.append(f"{name} was started again {restarts} times, and the supervisor's log says {found}")
            may = LOCKED_DATABASE if name == "postgres" else MISSING_SERVER
            others = found.keys() - {"was killed by SIGKILL", f"ended with status {may}"}
            log = log_tail(self.child(name).log, TOLD_LINES) if others else ""
            wrong += [f"{name} {how} {found[how]} times of its own: {log}" for how in sorted(others)]
        return wrong


def table(struck: Iterable[Struck], others: Counter[str]) -> str:
    """Return, for each victim: kills, places, time until ready again, and the number of other ends."""
    lines = [f"{'process':<11} kills  ready again: median, max (s)  other ends  at"]
    by: dict[str, list[Struck]] = defaultdict(list)
    for one in struck:
        by[one.victim].append(one)
    for name in VICTIMS:
        times = [one.ready_s for one in by[name]] or [0.0]
        points = Counter(one.point for one in by[name])
        where = ", ".join(f"{count} {point}" for point, count in sorted(points.items()))
        lines.append(
            f"{name:<11} {len(by[name]):>5}  {median(times):>20.1f} {max(times):>8.1f}  {others[name]:>10}  {where}"
        )
    return "\n".join([*lines, f"{sum(map(len, by.values()))} kills"])
