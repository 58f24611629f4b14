"""The harness of drills with several managers: `aura serve manager` as separate processes, with the other roles."""

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from agents.employees.contract import Employee
from agents.employees.posting import Posting
from agents.employees.providers.scripted import Recording
from bus.embedded.child import Child, log_tail
from bus.embedded.plan import ChildPlan
from director.services.process_list import readiness
from observability.process_registry import at_work
from runtime.process_config import STAFF_ROLES
from tests.integration.client import Director
from tests.integration.house import House
from tests.integration.killable import Witnessed
from tests.integration.peephole import Peephole

PROJECT = Path(__file__).parents[2]
WAIT_S = 40.0
POLL_S = 0.02
QUIET_S = 1.0
LEADER = re.compile(r"^aura_leader (\S+)$", re.MULTILINE)


class ServedManager:
    """One `aura serve manager`, with a separate name in run/."""

    def __init__(self, house: House, name: str) -> None:
        self.name = name
        self._home = house.home
        environment = {"AURA_NATS_URL": house.nats_url, "AURA_POSTGRES_DSN": house.postgres_dsn}
        self.child = Child(
            ChildPlan(
                name=name,
                argv=(sys.executable, "-W", "error", "-m", "director", "serve", "manager", "--name", name),
                env={**environment, "AURA_HOME": str(house.home), "AURA_METRICS_PORT": "0"},
                log=str(house.home / f"{name}.log"),
                probe=f"file:{house.home}/run/{name}.json",
                cwd=str(PROJECT),
            )
        )

    async def start(self) -> None:
        self.child.start()
        deadline = time.monotonic() + WAIT_S
        while not any(one.name == self.name for one in at_work(self._home)):
            assert self.child.ended() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            await asyncio.sleep(POLL_S)

    def url(self) -> str:
        found = next(one.url for one in at_work(self._home) if one.name == self.name)
        assert found is not None
        return found

    async def leads(self) -> bool:
        """Whether its gauge says that it leads."""
        _, page = await Peephole(self.url()).get("/metrics")
        return float(LEADER.findall(page)[0]) == 1

    async def standing(self) -> str | None:
        report = await asyncio.to_thread(readiness, self.url())
        assert report is not None
        assert report.ready, report
        return report.manager

    def signal(self, number: int) -> None:
        assert self.child.pid is not None
        os.kill(self.child.pid, number)

    async def stop(self) -> None:
        """Stop it in an orderly way."""
        self.signal(signal.SIGTERM)
        deadline = time.monotonic() + WAIT_S
        while (status := self.child.ended()) is None:
            assert time.monotonic() < deadline, self.log()
            await asyncio.sleep(POLL_S)
        assert status == 0, self.log()

    def log(self) -> str:
        return log_tail(self.child.plan.log, lines_max=60)


class Managers:
    """Some managers, and an organisation without a manager in this process. `witness`: a line for each call."""

    def __init__(self, house: House, served: Sequence[ServedManager], witness: Path) -> None:
        self.house = house
        self.served = served
        self.witness = witness

    async def leaders(self, among: Sequence[ServedManager] | None = None) -> list[ServedManager]:
        asked = self.served if among is None else among
        found = await asyncio.gather(*(one.leads() for one in asked))
        return [one for one, leads in zip(asked, found, strict=True) if leads]

    async def leader(self, among: Sequence[ServedManager] | None = None) -> ServedManager:
        """Return the leader. Wait until there is a leader."""
        deadline = time.monotonic() + WAIT_S
        while not (found := await self.leaders(among)):
            assert time.monotonic() < deadline, [one.log() for one in self.served]
            await asyncio.sleep(POLL_S)
        assert len(found) == 1
        return found[0]

    def others(self, one: ServedManager) -> list[ServedManager]:
        return [other for other in self.served if other is not one]

    async def quiet(self) -> None:
        """Wait until no more events are written."""
        last, since = 0, time.monotonic()
        while time.monotonic() - since < QUIET_S:
            found = (await self.house.office.stream.info()).last_seq
            if found != last:
                last, since = found, time.monotonic()
            await asyncio.sleep(POLL_S)

    async def finish(self, director: Director, working: "asyncio.Task[None]", enough: asyncio.Event) -> None:
        """Let all open runs end, then stop the managers."""
        enough.set()
        try:
            await asyncio.wait_for(working, WAIT_S)
        except TimeoutError:
            open_runs = {run for run, phase in director.runs.items() if phase != "run.ended"}
            about = [event for event in director.log if event.envelope.run in open_runs]
            lines = [f"{event.seq} {event.void or ''} {event.event}" for event in about]
            raise AssertionError("\n".join([*lines, *(one.log() for one in self.served)])) from None
        await self.quiet()
        for one in self.served:
            await one.stop()

    def witnessed(self) -> list[str]:
        return self.witness.read_text().splitlines()


@asynccontextmanager
async def managers(house: House, count: int = 2) -> AsyncIterator[Managers]:
    """Run an organisation with this number of managers. Managers that a test does not stop are killed at the end."""
    witness = house.home / "witness"
    witness.touch()

    def build(posting: Posting, environment: Mapping[str, str]) -> Employee:
        del environment
        script = Recording.load(Path(posting.script))
        made = Witnessed(id=posting.id, name=posting.name, script=script, delay_s=posting.delay_s)
        made.witness, made.fault = witness, lambda _: None
        return made

    roles = [*(role for role in STAFF_ROLES if role != "manager"), "employees"]
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(house.running(roles, build=build))
        served = [ServedManager(house, f"manager-{number + 1}") for number in range(count)]
        for one in served:
            stack.callback(one.child.kill)
            await one.start()
        yield Managers(house, served, witness)
