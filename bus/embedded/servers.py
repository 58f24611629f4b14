"""The two servers as plain children of this process, without a supervisor: for tests and short programs."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bus.embedded import nats, postgres
from bus.embedded.account import database_account
from bus.embedded.child import Child, log_tail
from bus.embedded.endpoints import Endpoints
from bus.embedded.home import Home
from bus.embedded.plan import ChildPlan
from bus.embedded.port import free_port
from domain.errors import Unavailable

START_WAIT_S = 60.0
POLL_S = 0.02


class Server:
    """One running server: `url` to connect to, `store` where its data lie. Start it from the main thread."""

    def __init__(self, plan: ChildPlan, url: str, store: Path) -> None:
        self.url = url
        self.store = store
        self._child = Child(plan)

    @property
    def pid(self) -> int | None:
        return self._child.pid

    def begin(self) -> None:
        """Starts the process and does not wait for it."""
        self._child.start()

    def is_ready(self) -> bool:
        """Whether it answers. Raises Unavailable when it has ended instead."""
        status = self._child.ended()
        if status is not None:
            plan = self._child.plan
            raise Unavailable(
                f"{plan.name} ended with status {status} while it started: {log_tail(plan.log)}",
                hint=f"Its log is {plan.log}.",
                code="no_start",
            )
        return self._child.check()

    def start_and_wait(self) -> None:
        """Starts it and blocks until it answers."""
        self.begin()
        deadline = time.monotonic() + START_WAIT_S
        while not self.is_ready():
            self._within(deadline)
            time.sleep(POLL_S)

    async def start(self) -> None:
        """Starts it and waits until it answers."""
        self.begin()
        deadline = time.monotonic() + START_WAIT_S
        while not self.is_ready():
            self._within(deadline)
            await asyncio.sleep(POLL_S)

    def stop(self) -> None:
        """An orderly stop; blocks."""
        self._child.stop()

    def kill(self) -> int | None:
        """SIGKILL, as a crash; blocks until it is gone. Its status, None when it did not run."""
        return self._child.kill()

    async def restart(self) -> None:
        """Starts it again on the same data and the same address, after `kill` or `stop` or instead of them."""
        self.stop()
        await self.start()

    def _within(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            self.kill()
            plan = self._child.plan
            raise Unavailable(
                f"{plan.name} did not answer within {START_WAIT_S:.0f} s: {log_tail(plan.log)}",
                hint=f"Its log is {plan.log}.",
                code="no_start",
            )


def nats_at(folder: Path) -> Server:
    """A nats-server with its settings, log and streams in `folder`; not started."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    store = folder / "store"
    plan = nats.plan(folder, store, port, free_port(frozenset({port})), folder)
    return Server(plan, nats.url(port, nats.credentials(folder)), store)


def postgres_at(home: Home) -> Server:
    """A PostgreSQL for this home, its cluster made; not started."""
    home.ensure()
    account = database_account()
    folder = home.settle(account)
    return Server(postgres.plan(folder, home.logs / "postgres.log", account), postgres.dsn(folder), folder)


@asynccontextmanager
async def servers(folder: Path) -> AsyncIterator[Endpoints]:
    """Both servers with their data in `folder`, stopped at the end; the data stay."""
    database = postgres_at(Home(folder))
    stream = nats_at(folder / "run" / "nats")
    try:
        await stream.start()
        await database.start()
        yield Endpoints(nats_url=stream.url, postgres_dsn=database.url)
    finally:
        stream.stop()
        database.stop()
