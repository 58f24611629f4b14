"""The recorder: it reads every message of the stream, marks it by the law, and stores it unchanged in Postgres.

A message goes to the live log of the process as soon as it is marked. It is stored in the background
(`bus/log_writer.py`), so a decision never waits for a commit of the recorder.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from nats.aio.client import Client

from bus import codec, fork_check, hops
from bus.fault_points import Fault
from bus.known_ids import KnownIds
from bus.log_writer import LogWriter, OnRecorded, Void
from bus.push_consumer import Feed, Gap
from bus.sliced import Sliced, slice_message
from bus.standing import load_standing
from bus.store import Store
from bus.stream import Stored, Stream
from bus.subjects import subject_of
from domain.errors import Unavailable
from domain.law import Standing, matters, void

IDLE_WAIT_S = 1.0
RETRY_WAIT_S = 0.3


class Follower(Protocol):
    """Receives the messages that the recorder has read and marked, before the commit. Nobody reads them again."""

    async def begin(self, position: int) -> None: ...

    def take(self, sliced: Sequence[Sliced], voids: Mapping[int, str]) -> None: ...


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
        self._ids = KnownIds(self._store, load_from=store)
        self._follower = follower
        self._on_recorded = on_recorded
        self._fault = fault
        self._standing = Standing()
        self._read = 0
        self._writer: LogWriter | None = None
        self._position = 0

    @property
    def position(self) -> int:
        """The sequence of the last event that is stored."""
        return max(self._position, self._writer.position) if self._writer is not None else self._position

    async def run(self, stop: asyncio.Event) -> None:
        """Record until stopped. Raises Forked if stream and store are not the same log."""
        try:
            while True:
                try:
                    await self._record(stop)
                except fork_check.Forked:
                    raise
                except Unavailable:
                    if stop.is_set():
                        return  # nothing is lost: the next start records the rest of the stream
                    await asyncio.sleep(RETRY_WAIT_S)
                else:
                    return
        finally:
            await self._ids.close()

    async def _record(self, stop: asyncio.Event) -> None:
        """Record from the checkpoint on, until stopped. Raises Unavailable."""
        feed = await self._begin()
        self._writer = writer = LogWriter(
            self._store,
            self._position,
            on_recorded=self._on_recorded,
            on_failure=feed.interrupt,
            fault=self._fault,
        )
        try:
            while True:
                batch = await feed.batch(IDLE_WAIT_S)
                writer.check()
                if batch:
                    await self._keep(batch, writer)
                elif stop.is_set():
                    await writer.finish()
                    return
        except Gap:
            await writer.finish()  # the messages before the gap
            raise
        finally:
            await writer.close()
            self._position, self._writer = writer.position, None
            await feed.close()

    async def _begin(self) -> Feed:
        await fork_check.check(self._stream, self._store)
        self._position = self._read = await self._store.recorded_up_to()
        self._standing = await load_standing(self._store, self._position)
        await self._ids.begin(self._position)
        if self._follower is not None:
            await self._follower.begin(self._position)
        return Feed(self._client, self._position)

    async def _keep(self, batch: Sequence[Stored], writer: LogWriter) -> None:
        """Mark a batch that follows the one before without a gap, pass it on, and give it to the writer."""
        assert [message.seq for message in batch] == list(range(self._read + 1, self._read + 1 + len(batch)))
        if hops.tracer is not None:
            hops.tracer.hop([message.seq for message in batch], hops.READ)
        sliced = [slice_message(message) for message in batch]
        voids = await self._voids(sliced)
        self._read = batch[-1].seq
        if self._follower is not None:
            self._follower.take(sliced, dict(voids))
        await writer.add(sliced, voids)

    async def _voids(self, sliced: Sequence[Sliced]) -> list[Void]:
        """Return the messages that do not count, with the reason."""
        repeated = await self._ids.repeated([(message.seq, message.id) for message in sliced])
        voids: list[Void] = []
        for message in sliced:
            reason: str | None = codec.ALIEN
            if message.envelope is not None:
                reason = void(
                    message.envelope,
                    message.seq,
                    self._standing,
                    subject_fits=message.subject == subject_of(message.envelope),
                    seen=message.seq in repeated,
                )
                if reason is None and matters(message.envelope.type):
                    self._standing.fold(message.envelope, message.seq)
            if reason is not None:
                voids.append((message.seq, reason))
        return voids
