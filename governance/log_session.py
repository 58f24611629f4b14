"""A process's connection to the log: stream, store and the shared parts of its gates. The composition root opens it."""

from typing import Any

from nats.aio.client import Client

from bus.disk_room import STREAM_BYTES_MAX
from bus.fault_points import Fault
from bus.outages import Outages
from bus.publisher import Publisher
from bus.redaction import Redactor
from bus.store import Store
from bus.stream import Stream, connect
from governance.gate import Gate
from governance.keys import Principal
from governance.log_check import LogCheck
from governance.people import People
from governance.refusal_limit import RefusalLimit
from governance.repository import Loader


class LogSession:
    """Connections to NATS and Postgres. It makes gates for principals."""

    def __init__(
        self, client: Client, store: Store, *, redactor: Redactor | None = None, fault: Fault = lambda _: None
    ) -> None:
        self.client = client
        self.store = store
        self.stream = Stream(client)
        self.limit = RefusalLimit()
        self.publisher = Publisher(client)
        self.loader = Loader(self.stream, store)
        self.people = People(self.loader, store)
        self._check = LogCheck(self.stream, store)
        self._redactor = redactor or Redactor()
        self._fault = fault

    @classmethod
    async def open(
        cls,
        nats_url: str,
        postgres_dsn: str,
        *,
        name: str = "aura",
        redactor: Redactor | None = None,
        fault: Fault = lambda _: None,
        outages: Outages | None = None,
        stream_bytes_max: int = STREAM_BYTES_MAX,
    ) -> "LogSession":
        """Connect to both servers, migrate the store, and create the stream if it is missing. Raises Unavailable."""
        store = await Store.open(postgres_dsn, outages=outages)
        try:
            client = await connect(nats_url, name=name, outages=outages)
        except BaseException:
            await store.close()
            raise
        session = cls(client, store, redactor=redactor, fault=fault)
        try:
            await session.stream.ensure(largest=stream_bytes_max)
        except BaseException:
            await session.close()
            raise
        return session

    def gate(self, principal: Principal, **settings: Any) -> Gate:
        """Return the gate of one principal."""
        return Gate(
            principal,
            loader=self.loader,
            publisher=self.publisher,
            limit=self.limit,
            check=self._check,
            people=self.people,
            redactor=self._redactor,
            fault=self._fault,
            **settings,
        )

    async def close(self) -> None:
        try:
            await self.client.close()
        finally:
            await self.store.close()
