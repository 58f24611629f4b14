"""The writer of the log: it stores marked messages in Postgres, in the background, in order and exactly once.

One transaction stores a batch and moves the checkpoint by compare-and-set. So two recorders cannot store the same
event: the whole transaction of the slower recorder fails, and it starts again at the new checkpoint.

The reader does not wait for a commit: it adds messages while one commit runs, and they share the next commit.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence

from bus import hops
from bus.fault_points import Fault
from bus.short_transaction import short_transaction
from bus.sliced import Sliced
from bus.store import Store
from domain.errors import Unavailable
from sql import named

COPY_EVENTS_MIN = 32
"""Above this many events binary COPY is cheaper than one statement with arrays."""
COMMIT_EVENTS_MAX = 1000
"""The most events of one transaction."""
COMMIT_EVERY_S = 0.02
"""The shortest time between the beginnings of two commits, unless there are enough events for COPY.

So an event after a pause is stored at once, and the events of a run share few commits. Nobody waits for the recorder in
a run: the event is safe on the stream. Each commit costs CPU time in three processes, and competes for the disk.
"""
WAITING_EVENTS_MAX = 2000
WAITING_BYTES_MAX = 32 * 1024**2
"""Above one of these limits the reader waits for the writer."""

OnRecorded = Callable[[Sequence[Sliced], float], None]
"""Callback after a batch is stored: its messages and the duration (s)."""
Void = tuple[int, str]
"""Sequence of an event that does not count, and the reason."""


class LogWriter:
    """Stores messages from a checkpoint on. `position` is the last sequence that is committed.

    After an error it stores nothing more, and every later call raises the error.
    """

    def __init__(
        self,
        store: Store,
        position: int,
        *,
        on_recorded: OnRecorded = lambda *_: None,
        on_failure: Callable[[], None] = lambda: None,
        fault: Fault = lambda _: None,
    ) -> None:
        """`on_failure` is called at an error, so that the reader need not wait for its next message to see it."""
        self.position = position
        self._store = store
        self._on_recorded = on_recorded
        self._on_failure = on_failure
        self._fault = fault
        self._waiting: deque[tuple[Sliced, str | None]] = deque()
        self._bytes = 0
        self._ending = False
        self._next_at = 0.0  # on the loop's clock: the earliest time of the next commit
        self._added, self._stored, self._enough = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(self._ended)

    async def add(self, sliced: Sequence[Sliced], voids: Sequence[Void]) -> None:
        """Add messages that follow the ones before. Wait while too many are waiting. Raises the writer's error."""
        reasons = dict(voids)
        for message in sliced:
            self._waiting.append((message, reasons.get(message.seq)))
            self._bytes += _bytes_of(message)
        self._added.set()
        if len(self._waiting) > COPY_EVENTS_MIN:
            self._enough.set()
        while len(self._waiting) > WAITING_EVENTS_MAX or self._bytes > WAITING_BYTES_MAX:
            self.check()
            self._stored.clear()
            await self._stored.wait()
        self.check()

    def check(self) -> None:
        """Raise the writer's error, if it has failed."""
        if self._task.done():
            self._task.result()

    async def finish(self) -> None:
        """Store all messages that were added, and end. Raises the writer's error."""
        self._ending = True
        self._added.set()
        self._enough.set()
        await asyncio.wait([self._task])
        self.check()

    async def close(self) -> None:
        """End at once. Messages that are not stored come again at the next start."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        while self._waiting or not self._ending:
            self._added.clear()
            if self._waiting:
                await self._more()
                await self._store_next()
            elif not self._ending:
                await self._added.wait()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._stored.set()
        if not task.cancelled() and task.exception() is not None:
            self._on_failure()

    async def _more(self) -> None:
        """Wait until the next commit may begin, or until there are enough events."""
        loop = asyncio.get_running_loop()
        if len(self._waiting) > COPY_EVENTS_MIN or self._ending or loop.time() >= self._next_at:
            return
        self._enough.clear()
        late = loop.call_at(self._next_at, self._enough.set)
        try:
            await self._enough.wait()
        finally:
            late.cancel()

    async def _store_next(self) -> None:
        began = time.monotonic()
        self._next_at = asyncio.get_running_loop().time() + COMMIT_EVERY_S
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), COMMIT_EVENTS_MAX))]
        sliced = [message for message, _ in batch]
        voids = [(message.seq, reason) for message, reason in batch if reason is not None]
        if len(batch) > COPY_EVENTS_MIN:
            await self._copy(sliced, voids)
        elif not await self._insert(sliced, voids):
            raise _overtaken()
        self.position = sliced[-1].seq
        self._bytes -= sum(map(_bytes_of, sliced))
        if hops.tracer is not None:
            hops.tracer.hop([message.seq for message in sliced], hops.STORED)
        self._stored.set()
        self._on_recorded(sliced, time.monotonic() - began)
        self._fault("recorder:after-commit")

    async def _insert(self, sliced: Sequence[Sliced], voids: Sequence[Void]) -> bool:
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

    async def _copy(self, sliced: Sequence[Sliced], voids: Sequence[Void]) -> None:
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


def _bytes_of(message: Sliced) -> int:
    return len(message.envelope_bytes) + len(message.payload or b"")


def _overtaken() -> Unavailable:
    return Unavailable("Another recorder is ahead.", hint="You need not do anything: this recorder starts again.")


def _records(sliced: Sequence[Sliced], voids: Sequence[Void]) -> dict[str, list[tuple[object, ...]]]:
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
