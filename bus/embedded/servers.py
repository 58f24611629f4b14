"""The two servers as plain child processes, without a supervisor. Tests and short programs use them."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bus.embedded import nats, postgres
from bus.embedded.account import database_account
from bus.embedded.child import Child, log_tail
from bus.embedded.endpoints import Endpoints
from bus.embedded.home import Home
from bus.embedded.plan import ChildPlan
from bus.embedded.port import free_port
from bus.worker_accounts import WorkerRight
from domain.errors import Unavailable

START_WAIT_S = 60.0
POLL_S = 0.02


class Server:
    """One server. `url` is its address, `store` is the folder of its data. Start it from the main thread.

    `worker_url`: the address for workers, of a nats-server.
    """

    def __init__(self, plan: ChildPlan, url: str, store: Path, worker_url: str = "") -> None:
        self.url = url
        self.worker_url = worker_url
        self.store = store
        self._child = Child(plan)

    @property
    def pid(self) -> int | None:
        return self._child.pid

    def begin(self) -> None:
        """Start the process and do not wait for it."""
        self._child.start()

    def is_ready(self) -> bool:
        """Return whether the server answers. Raises Unavailable if it has ended."""
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
        """Start the server and block until it answers."""
        self.begin()
        deadline = time.monotonic() + START_WAIT_S
        while not self.is_ready():
            self._within(deadline)
            time.sleep(POLL_S)

    async def start(self) -> None:
        """Start the server and wait until it answers."""
        self.begin()
        deadline = time.monotonic() + START_WAIT_S
        while not self.is_ready():
            self._within(deadline)
            await asyncio.sleep(POLL_S)

    def stop(self) -> None:
        """Stop the server in an orderly way. Blocks."""
        self._child.stop()

    def kill(self) -> int | None:
        """Send SIGKILL, as in a crash, and wait for the end. Return the exit status, or None if no process ran."""
        return self._child.kill()

    async def restart(self) -> None:
        """Stop the server if it runs, then start it again with the same data and the same address."""
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


def nats_at(folder: Path, rights: Sequence[WorkerRight] = ()) -> Server:
    """Return a nats-server with its settings, log and streams in `folder`. It is not started yet.

    `rights`: the rights of the workers' accounts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    store = folder / "store"
    plan = nats.plan(folder, store, port, free_port(frozenset({port})), folder, rights)
    return Server(plan, nats.url(port, nats.credentials(folder)), store, nats.worker_url(folder, port))


def postgres_at(home: Home) -> Server:
    """Make the cluster of this home and return its PostgreSQL server, which is not started yet."""
    home.ensure()
    account = database_account()
    folder = home.settle(account)
    return Server(postgres.plan(folder, home.logs / "postgres.log", account), postgres.dsn(folder), folder)


@asynccontextmanager
async def servers(folder: Path, rights: Sequence[WorkerRight] = ()) -> AsyncIterator[Endpoints]:
    """Run both servers with their data in `folder`. At the end, stop them and keep the data."""
    database = postgres_at(Home(folder))
    stream = nats_at(folder / "run" / "nats", rights)
    try:
        await stream.start()
        await database.start()
        yield Endpoints(nats_url=stream.url, postgres_dsn=database.url, worker_nats_url=stream.worker_url)
    finally:
        stream.stop()
        database.stop()
