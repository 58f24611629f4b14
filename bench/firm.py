"""A whole organisation for measurements. It runs as with `aura serve all`, with its own NATS and Postgres servers."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen
from uuid import UUID, uuid4

from agents.employees import postings
from agents.employees.posting import Posting
from agents.employees.providers.table import profile_of
from agents.verifier.judging import Judge
from bench.empty import empty_verdict
from bus.blobs import Blobs
from bus.clock import now
from bus.embedded.endpoints import Endpoints
from bus.embedded.servers import servers
from bus.redaction import Redactor
from bus.store import Store
from domain.employee import Hire, SessionTerms
from domain.money import Amount
from domain.organisation import Found
from governance import keys
from governance.authority import WORKER_RIGHTS
from governance.gate import Gate
from governance.log_session import LogSession
from runtime.composition import Organisation
from runtime.process_config import STAFF_ROLES, Setup
from sql import named

PASSED_WAIT_S = 120.0
MONITOR_WAIT_S = 5.0
NANO = 1_000_000_000
POLL_S = 0.002
CAP = Amount(Decimal(10**6), 10**12)


class Firm:
    """An organisation with its servers and the Director's gate. `firm` opens it."""

    def __init__(self, home: Path, endpoints: Endpoints, office: LogSession, monitor: str) -> None:
        self.home = home
        self._monitor = monitor
        self.endpoints = endpoints
        self.office = office
        self.director: Gate = office.gate(keys.load_or_create(home / "keys", "director"))

    @property
    def blobs(self) -> Blobs:
        return Blobs(self.office.store, Redactor())

    async def hire(
        self, name: str, script: object, *, slots: int = 1, session: SessionTerms | None = None, delay_s: float = 0.0
    ) -> UUID:
        """Hire a scripted employee and return its id. `script`: the content of its file."""
        file = self.home / f"{name}.json"
        file.write_text(json.dumps(script))
        posting = Posting(name=name, kind="scripted", script=str(file), slots=slots, session=session, delay_s=delay_s)
        postings.save(self.home / "employees", posting)
        await self.director.handle(Hire(id=uuid4(), at=now(), employee=posting.id, profile=profile_of(posting)))
        return posting.id

    @asynccontextmanager
    async def running(
        self, roles: Sequence[str] = (*STAFF_ROLES, "employees"), *, judge: Judge = empty_verdict
    ) -> AsyncIterator[Organisation]:
        """Run the roles and yield their organisation; drain them at the end. By default, verdicts check nothing."""
        setup = Setup(
            home=self.home,
            nats_url=self.endpoints.nats_url,
            worker_nats_url=self.endpoints.worker_nats_url,
            postgres_dsn=self.endpoints.postgres_dsn,
            roles=roles,
            allow_degraded=True,
            judge=judge,
        )
        stop, ready, house = asyncio.Event(), asyncio.Event(), Organisation(setup)
        async with asyncio.TaskGroup() as group:
            group.create_task(house.run(stop, ready.set))
            try:
                await ready.wait()
                await self.all_passed(house)
                yield house
            finally:
                stop.set()

    async def all_passed(self, house: Organisation, *names: str) -> None:
        """Wait until the named consumers have committed the stream's last event. Without names, wait for all."""
        last = (await self.office.stream.info()).last_seq
        deadline = time.monotonic() + PASSED_WAIT_S
        while time.monotonic() < deadline:
            positions = house.positions()
            if all(position >= last for name, position in positions.items() if not names or name in names):
                return
            await asyncio.sleep(POLL_S)
        raise TimeoutError(
            f"not all consumers have committed event {last} within {PASSED_WAIT_S:g} s: {house.positions()}"
        )

    async def sync_interval(self) -> str:
        """Return nats-server's setting `sync_interval` as the server reports it: "always", or a time in seconds."""

        def asked() -> dict[str, Any]:
            with urlopen(f"http://{self._monitor}/jsz?config=true", timeout=MONITOR_WAIT_S) as answer:
                found: dict[str, Any] = json.load(answer)["config"]
                return found

        config = await asyncio.to_thread(asked)
        return "always" if config.get("sync_always") else f"{config.get('sync_interval', 0) / NANO:g} s"

    async def database(self, name: str) -> str:
        """Create an empty database on the same server and return its connection string."""
        async with self.office.store.connection() as connection:
            await connection.execute(named("bench_database").format(name=name))
        return self.endpoints.postgres_dsn.replace("/aura?", f"/{name}?", 1)

    async def store(self, name: str) -> Store:
        """Create an empty event store in a new database on the same server."""
        return await Store.open(await self.database(name))


@asynccontextmanager
async def firm() -> AsyncIterator[Firm]:
    """Start both servers in a temporary folder and found an organisation. Remove everything at the end."""
    with TemporaryDirectory(prefix="aura-bench-") as folder:
        path = Path(folder)
        os.chmod(path, 0o755)  # the user of the database server must be able to enter it
        async with servers(path / "servers", WORKER_RIGHTS) as endpoints:
            office = await LogSession.open(endpoints.nats_url, endpoints.postgres_dsn, name="bench")
            try:
                monitor = json.loads((path / "servers" / "run" / "nats" / "nats.json").read_bytes())["http"]
                firm = Firm(path / "home", endpoints, office, monitor)
                await firm.director.handle(Found(id=uuid4(), at=now(), name="Bench", cap=CAP))
                yield firm
            finally:
                await office.close()
