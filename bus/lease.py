"""The lease: it makes one of several equal processes the active one. It is a key in a JetStream bucket in memory.

The lease only avoids double work. Safety does not depend on it, because the log makes two holders harmless: by expected
sequences, by command ids that are derived from events, and by the compare-and-set on a consumer's checkpoint.
"""

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from uuid import UUID, uuid4

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import (
    BadRequestError,
    BucketNotFoundError,
    KeyNotFoundError,
    KeyWrongLastSequenceError,
    NoStreamResponseError,
)
from nats.js.kv import KeyValue

from bus.embedded.process import ProcessId, alive, identify
from domain.errors import Unavailable, said_by

BUCKET = "AURA_LEASE"
MANAGER_KEY = "manager"
"""Key of the manager's lease: `nats kv get AURA_LEASE manager` prints the lease."""
VALUE_BYTES_MAX = 4096
"""Limit per value. The bucket has no max_bytes: NATS would reserve that memory, but the stream AURA_WORK needs it."""
LEASE_TTL_S = 2.5
"""Time to live. If the holder does not renew the lease within it, the server deletes the key."""
RENEW_S = 0.8
"""Three renewals fit into the time to live, so two of them may be late or lost."""
REQUEST_WAIT_S = 1.0
PID_NAMESPACE = "/proc/self/ns/pid"


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """The key's value. `since`: Unix time (s). `started` and `namespace` show whether `pid` is still that process."""

    holder: UUID
    name: str
    host: str
    pid: int
    since: float
    started: str
    namespace: str


_holder = msgspec.json.Decoder(Holder)


class LeaseEntry(NamedTuple):
    """The value under a lease's key; `holder` is None when the value cannot be decoded."""

    holder: Holder | None
    revision: int


class Lease:
    """The lease of one process on one key. Call `acquire` until it returns True, then `keep`, then `release`.

    While NATS does not answer, no process can acquire the lease, and the holder can publish nothing. `held` then
    becomes False when the time to live is over. The first answer of NATS shows whether the lease was lost.
    """

    def __init__(
        self,
        client: Client,
        key: str,
        *,
        name: str = "",
        ttl_s: float = LEASE_TTL_S,
        renew_s: float = RENEW_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.own = this_process(name)
        self._client = client
        self._key = key
        self._ttl_s = ttl_s
        self._renew_s = renew_s
        self._clock = clock
        self._bucket: KeyValue | None = None
        self._revision = 0
        self._renewed = float("-inf")

    @property
    def held(self) -> bool:
        """Whether this process holds the lease for sure: it was acquired or renewed within its time to live."""
        return self._revision > 0 and self._clock() - self._renewed < self._ttl_s

    async def acquire(self) -> bool:
        """Take the lease if nobody holds it, or if its holder was a process of this machine that has ended.

        Return whether this process holds it now. Raises Unavailable.
        """
        self.own = msgspec.structs.replace(self.own, since=time.time())
        return await self._granted(lambda: self._claim(replace_gone=True))

    async def keep(self, stop: asyncio.Event) -> None:
        """Renew the lease until it is lost or `stop` is set. After that, `held` shows whether it was lost."""
        while not stop.is_set():
            try:
                async with asyncio.timeout(self._renew_s):
                    await stop.wait()
            except TimeoutError:
                try:
                    if not await self._granted(self._renew):
                        return
                except Unavailable:
                    continue  # the first answer shows whether the lease was lost

    async def release(self) -> None:
        """Release the lease, so that the next process need not wait. If the request is lost, the lease expires."""
        revision, self._revision = self._revision, 0
        if revision and self._bucket is not None and self._client.is_connected:
            try:
                await self._bucket.delete(self._key, last=revision)
            except (NatsError, TimeoutError):
                return

    async def _granted(self, ask: Callable[[], Awaitable[int]]) -> bool:
        _must_be_connected(self._client)
        asked_at = self._clock()
        try:
            self._revision = await ask()
        except KeyWrongLastSequenceError:
            self._revision = 0  # another process was first
        except (NatsError, TimeoutError) as error:
            raise _down(error) from error
        if self._revision:
            self._renewed = asked_at
        return self._revision > 0

    async def _renew(self) -> int:
        """Renew the lease and return the new revision, or 0 if the lease was lost.

        If the answer to the previous renewal was lost, or if the server has lost the bucket, claim the key again.
        """
        try:
            return await (await self._open()).update(self._key, self._value(), last=self._revision)
        except (KeyWrongLastSequenceError, NoStreamResponseError):
            return await self._claim(replace_gone=False)

    async def _claim(self, *, replace_gone: bool) -> int:
        entry = await _entry(await self._open(), self._key)
        if entry is None:
            return await self._create()
        ours = entry.holder is not None and entry.holder.holder == self.own.holder
        if ours or (replace_gone and entry.holder is not None and gone(entry.holder, self.own)):
            return await (await self._open()).update(self._key, self._value(), last=entry.revision)
        return 0

    async def _create(self) -> int:
        try:
            return await (await self._open()).create(self._key, self._value())
        except NoStreamResponseError:  # the server was restarted, and the bucket in memory is gone
            self._bucket = None
            return await (await self._open()).create(self._key, self._value())

    async def _open(self) -> KeyValue:
        if self._bucket is None:
            js = self._client.jetstream(timeout=REQUEST_WAIT_S)
            config = KeyValueConfig(
                bucket=BUCKET,
                history=1,
                ttl=self._ttl_s,
                max_value_size=VALUE_BYTES_MAX,
                storage=StorageType.MEMORY,
                description="Which one of several equal processes is active.",
            )
            try:
                self._bucket = await js.create_key_value(config)
            except BadRequestError:  # another version of Aura created the bucket with other settings
                self._bucket = await js.key_value(BUCKET)
        return self._bucket

    def _value(self) -> bytes:
        return msgspec.json.encode(self.own)


async def holder_of(client: Client, key: str) -> Holder | None:
    """Return the present holder of a key, or None if there is no holder or no bucket. Raises Unavailable."""
    _must_be_connected(client)
    try:
        entry = await _entry(await client.jetstream(timeout=REQUEST_WAIT_S).key_value(BUCKET), key)
    except BucketNotFoundError:
        return None
    except (NatsError, TimeoutError) as error:
        raise _down(error) from error
    return entry.holder if entry else None


def this_process(name: str) -> Holder:
    """Return this process as a holder with a new id."""
    own = identify(os.getpid())
    assert own is not None, "a running process has a start time"
    return Holder(
        holder=uuid4(),
        name=name,
        host=socket.gethostname(),
        pid=own.pid,
        since=time.time(),
        started=own.started,
        namespace=_namespace(),
    )


def gone(holder: Holder, own: Holder) -> bool:
    """Return whether a holder has ended. Only a process on this machine, boot and pid namespace can be examined."""
    here = (holder.host, holder.namespace, _boot(holder)) == (own.host, own.namespace, _boot(own))
    if not here or not own.namespace or alive(ProcessId(holder.pid, holder.started)):
        return False
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False  # another user's process, and /proc may hide it: it may be the holder
    return True  # another process has this pid now, or the process waits to be reaped


def _boot(holder: Holder) -> str:
    return holder.started.partition(":")[0]


def _namespace() -> str:
    """Return the pid namespace of this process, or an empty text if it is unknown."""
    try:
        return os.readlink(PID_NAMESPACE)
    except OSError:
        return ""


async def _entry(bucket: KeyValue, key: str) -> LeaseEntry | None:
    try:
        stored = await bucket.get(key)
    except KeyNotFoundError:
        return None
    try:
        holder = _holder.decode(stored.value or b"")
    except msgspec.DecodeError:
        holder = None
    return LeaseEntry(holder, stored.revision or 0)


def _must_be_connected(client: Client) -> None:
    """Raise Unavailable without a connection.

    The client would buffer the request and send it after the reconnect, when nobody waits for its answer.
    """
    if not client.is_connected:
        raise Unavailable(
            "NATS cannot be reached. Aura tries to connect again.", hint="Wait until it is back (`aura status`)."
        )


def _down(error: BaseException) -> Unavailable:
    return Unavailable(
        f"The bucket of the leases does not answer: {said_by(error)}.", hint="Wait until NATS is back (`aura status`)."
    )
