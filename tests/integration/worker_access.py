"""A nats-server with two workers' credentials, and connections that remember what the server denied."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError

from bus.embedded import nats
from bus.embedded.servers import Server, nats_at
from bus.nats_client import Connection
from bus.object_bucket import BucketLimits, ObjectBucket
from bus.stream import Stream
from bus.work_queue import WorkStream
from bus.worker_accounts import DEFAULT_WORKER, WorkerCredential, WorkerRight, accounts
from governance.authority import WORKER_RIGHTS

ANNA, BEN = UUID(int=0xA), UUID(int=0xB)
PASSWORD = "secret-of-a-test"
BUCKET_LIMITS = BucketLimits(bytes_max=16 * 1024**2, age_s=3600.0)
DENIED_WAIT_S = 0.3
POLL_S = 0.01
POLLS_MAX = 500
NAMED = (
    WorkerCredential(DEFAULT_WORKER, PASSWORD),
    WorkerCredential("anna", PASSWORD, (ANNA,)),
    WorkerCredential("ben", PASSWORD, (BEN,)),
)


@dataclass
class Login:
    """One connection. `errors`: what the server reported to it."""

    client: Client
    is_core: bool = False
    errors: list[str] = field(default_factory=list)

    async def asked(self, subject: str, data: bytes = b"{}") -> bytes | None:
        """Send a request. Return the answer, or None if nobody answers or the server denies the request."""
        try:
            return (await self.client.request(subject, data, timeout=DENIED_WAIT_S)).data
        except (TimeoutError, NoRespondersError):
            return None

    def denials(self) -> list[str]:
        return [error for error in self.errors if "permissions violation" in error and "mark." not in error]

    async def may_publish(self, subject: str, data: bytes = b"{}", *, reply: str = "") -> bool:
        before = len(self.denials())
        await self.client.publish(subject, data, reply=reply)
        await self.settled()
        return len(self.denials()) == before

    async def may_subscribe(self, subject: str, queue: str = "") -> bool:
        before = len(self.denials())
        subscription = await self.client.subscribe(subject, queue)
        await self.settled()
        permitted = len(self.denials()) == before
        if permitted:
            await subscription.unsubscribe()
        return permitted

    async def settled(self) -> None:
        """Wait until the server has processed every message of this connection, in their order."""
        if self.is_core:
            await self.asked("$JS.API.INFO", b"")
            return
        mark = f"mark.{len(self.errors)}"
        await self.client.publish(mark, b"")
        for _ in range(POLLS_MAX):
            if any(mark in error for error in self.errors):
                return
            await asyncio.sleep(POLL_S)
        raise AssertionError("the server does not deny the mark")

    async def heard(self, subject: str) -> list[Msg]:
        """Subscribe, and return the list to which received messages are added."""
        messages: list[Msg] = []

        async def on_message(message: Msg) -> None:
            messages.append(message)

        await self.client.subscribe(subject, cb=on_message)
        await self.client.flush()
        return messages


@dataclass
class Access:
    """A running server with the streams of an organisation, and the way to log in."""

    server: Server
    core: Login
    _open: list[Client] = field(default_factory=list)

    async def worker(self, name: str = DEFAULT_WORKER) -> Login:
        address = self.server.worker_url.partition("@")[2]
        login = await logged_in(f"nats://{name}:{PASSWORD}@{address}")
        self._open.append(login.client)
        return login

    async def events(self) -> int:
        """Return how many messages the log has."""
        return (await Stream(self.core.client).info()).last_seq

    async def close(self) -> None:
        for client in (*self._open, self.core.client):
            await client.close()


async def logged_in(url: str, *, is_core: bool = False) -> Login:
    client = Connection()
    login = Login(client, is_core)

    async def note(error: Exception) -> None:
        login.errors.append(str(error).lower())

    await client.connect(url, error_cb=note, max_reconnect_attempts=0, allow_reconnect=False)
    return login


@asynccontextmanager
async def access(folder: Path, *, one_account: bool = False) -> AsyncIterator[Access]:
    """Run a server with the credentials NAMED. `one_account`: without accounts, with the same permissions of users."""
    await asyncio.to_thread(folder.mkdir)
    nats.keep_workers(folder, NAMED)
    server = nats_at(folder, WORKER_RIGHTS)
    if one_account:
        without_accounts(folder, WORKER_RIGHTS)
    await server.start()
    found = Access(server, await logged_in(server.url, is_core=True))
    try:
        await _streams(found.core.client)
        yield found
    finally:
        await found.close()
        server.stop()


def without_accounts(folder: Path, rights: Sequence[WorkerRight] = ()) -> None:
    """Write settings with all users in one account, as release 0.1.0 did. The users keep their permissions."""
    path = folder / nats.SETTINGS_FILE
    settings = json.loads(path.read_bytes())
    login = nats.credentials(folder)
    known = accounts(login.user, login.password, nats.workers(folder), rights)
    del settings["accounts"]
    settings["authorization"] = {"users": [user for account in known.values() for user in account["users"]]}
    path.write_text(json.dumps(settings))


async def _streams(core: Client) -> None:
    await Stream(core).ensure()
    queue = WorkStream(core)
    await queue.ensure()
    for employee in (ANNA, BEN):
        await queue.ensure_orders_of(employee)
    await queue.next_result(0.05)  # makes the consumer of the results
    for bucket in ("AURA_PACKS", "AURA_UPLOAD_anna", "AURA_UPLOAD_ben"):
        await ObjectBucket(core, bucket, BUCKET_LIMITS).ensure()
