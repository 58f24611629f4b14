"""The recorder: it stores every message of the stream in Postgres, in order, unchanged and exactly once.

One transaction stores a batch and moves the checkpoint by compare-and-set. So two recorders cannot store the same
event: the whole transaction of the slower recorder fails, and it starts again at the new checkpoint.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from nats.aio.client import Client

from bus import codec, fork_check
from bus.fault_points import Fault
from bus.push_consumer import Feed
from bus.short_transaction import short_transaction
from bus.standing import load_standing
from bus.store import Store
from bus.stream import Stored, Stream
from bus.subjects import subject_of
from domain.errors import Invalid, Unavailable
from domain.law import Standing, matters, void
from domain.message import Envelope
from sql import named

IDLE_WAIT_S = 1.0
RETRY_WAIT_S = 0.3
COPY_EVENTS_MIN = 32
"""Above this many events binary COPY is cheaper than one statement with arrays."""


@dataclass(frozen=True, slots=True)
class Sliced:
    """A message, split for the store. A message that is not an event has no `envelope`. It is stored whole, as void."""

    seq: int
    id: UUID
    envelope: Envelope | None
    envelope_bytes: bytes
    payload: bytes | None
    salt: bytes
    blobs: tuple[str, ...]
    subject: str


class Follower(Protocol):
    """Receives the messages that the recorder has read and marked, before the commit. Nobody reads them again."""

    async def begin(self, position: int) -> None: ...

    def take(self, sliced: Sequence[Sliced], voids: Mapping[int, str]) -> None: ...


OnRecorded = Callable[[Sequence[Sliced], float], None]
"""Callback after a batch is stored: its messages and the duration (s)."""


class Recorder:
    """Stores messages until stopped. `run` returns when `stop` is set and all available messages are stored."""

    def __init__(
        self,
        client: Client,
        store: Store,
        *,
        follower: Follower | None = None,
        on_recorded: OnRecorded = lambda *_: None,
        fault: Fault = lambda _: None,
    ) -> None:
        self._client = client
        self._stream = Stream(client)
        self._store = store.apart()
        self._follower = follower
        self._on_recorded = on_recorded
        self._fault = fault
        self._standing = Standing()
        self.position = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Record until stopped. Raises Forked if stream and store are not the same log."""
        feed: Feed | None = None
        try:
            while True:
                try:
                    feed = feed or await self._begin()
                    batch = await feed.batch(IDLE_WAIT_S)
                    if batch:
                        await self._keep(batch)
                    elif stop.is_set():
                        return
                except fork_check.Forked:
                    raise
                except Unavailable:
                    if feed is not None:
                        await feed.close()
                    feed = None
                    if stop.is_set():
                        return  # nothing is lost: the next start records the rest of the stream
                    await asyncio.sleep(RETRY_WAIT_S)
        finally:
            if feed is not None:
                await feed.close()

    async def _begin(self) -> Feed:
        await fork_check.check(self._stream, self._store)
        self.position = await self._store.recorded_up_to()
        self._standing = await load_standing(self._store, self.position)
        if self._follower is not None:
            await self._follower.begin(self.position)
        return Feed(self._client, self.position)

    async def _keep(self, batch: Sequence[Stored]) -> None:
        """Store a batch that follows the checkpoint without a gap."""
        began = time.monotonic()
        assert [message.seq for message in batch] == list(range(self.position + 1, self.position + 1 + len(batch)))
        sliced = [slice_message(message) for message in batch]
        voids = await self._voids(sliced)
        if self._follower is not None:
            self._follower.take(sliced, dict(voids))
        if len(batch) > COPY_EVENTS_MIN:
            await self._copy(sliced, voids)
        elif not await self._insert(sliced, voids):
            raise _overtaken()
        self.position = batch[-1].seq
        self._on_recorded(sliced, time.monotonic() - began)
        self._fault("recorder:after-commit")

    async def _insert(self, sliced: Sequence[Sliced], voids: Sequence[tuple[int, str]]) -> bool:
        """Store a small batch: checkpoint and rows in one statement.

        Return False if another recorder has moved the checkpoint. Then nothing is stored.
        """
        records = _records(sliced, voids)
        payloads = [(seq, salt, data, ",".join(blobs)) for seq, salt, data, blobs in records["payload"]]  # type: ignore[arg-type]  # blobs is a list of digests
        values = _columns(records["event"], 6) + _columns(payloads, 4)
        values += _columns(records["blob_use"], 2) + _columns(records["void"], 2)
        async with self._store.connection() as connection:
            self._fault("recorder:before-commit")
            return bool(await connection.fetchval(named("recorder_keep"), self.position, sliced[-1].seq, *values))

    async def _copy(self, sliced: Sequence[Sliced], voids: Sequence[tuple[int, str]]) -> None:
        """Store a large batch by binary COPY, in the transaction that moves the checkpoint.

        Raises Unavailable if another recorder has moved the checkpoint.
        """
        async with self._store.connection() as connection, short_transaction(connection):
            moved = await connection.execute(named("recorder_advance"), self.position, sliced[-1].seq)
            if moved != "UPDATE 1":
                raise _overtaken()
            for table, records in _records(sliced, voids).items():
                if records:
                    await connection.copy_records_to_table(table, records=records, schema_name="log")
            self._fault("recorder:before-commit")

    async def _voids(self, sliced: Sequence[Sliced]) -> list[tuple[int, str]]:
        seen = await self._store.seen([message.id for message in sliced], sliced[0].seq)
        voids: list[tuple[int, str]] = []
        for message in sliced:
            reason: str | None = codec.ALIEN
            if message.envelope is not None:
                reason = void(
                    message.envelope,
                    message.seq,
                    self._standing,
                    subject_fits=message.subject == subject_of(message.envelope),
                    seen=message.id in seen,
                )
                if reason is None and matters(message.envelope.type):
                    self._standing.fold(message.envelope, message.seq)
            seen.add(message.id)
            if reason is not None:
                voids.append((message.seq, reason))
        return voids


def slice_message(message: Stored) -> Sliced:
    """Split a message into the parts that are stored."""
    try:
        body = codec.split(message.data)
        envelope = codec.envelope_of(body.envelope)
    except Invalid:
        return Sliced(
            message.seq, codec.alien(message.seq).envelope.id, None, message.data, None, b"", (), message.subject
        )
    return Sliced(
        message.seq,
        envelope.id,
        envelope,
        bytes(body.envelope),
        bytes(body.payload),
        bytes.fromhex(body.salt),
        body.blobs,
        message.subject,
    )


def _overtaken() -> Unavailable:
    return Unavailable("Another recorder is ahead.", hint="You need not do anything: this recorder starts again.")


def _records(sliced: Sequence[Sliced], voids: Sequence[tuple[int, str]]) -> dict[str, list[tuple[object, ...]]]:
    """Return the new rows of each table of the log."""
    events: list[tuple[object, ...]] = [
        (
            message.seq,
            message.id,
            message.envelope.type if message.envelope else "alien",
            message.envelope.entity_id if message.envelope else message.id,
            message.envelope.run if message.envelope else None,
            message.envelope_bytes,
        )
        for message in sliced
    ]
    payloads: list[tuple[object, ...]] = [
        (message.seq, message.salt, message.payload, list(message.blobs))
        for message in sliced
        if message.payload is not None
    ]
    uses: list[tuple[object, ...]] = [
        (digest, message.seq) for message in sliced for digest in dict.fromkeys(message.blobs)
    ]
    return {"event": events, "payload": payloads, "blob_use": uses, "void": list(voids)}


def _columns(records: Sequence[tuple[object, ...]], count: int) -> list[list[object] | None]:
    """Return an array for each column. Without records return NULL, which has the same effect and costs less."""
    return [list(column) for column in zip(*records, strict=True)] or [None] * count
