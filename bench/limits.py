"""Measurement of raw limits for comparison: JetStream alone, and COPY into and out of Postgres alone."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import asyncpg
from nats.aio.client import Client

from bus.store import Store
from sql import named

STREAM = "BENCH"
IN_FLIGHT_MAX = 64
ACK_WAIT_S = 30.0
COPY_EVENTS = 500
"""Number of events in one transaction. It is the recorder's maximum."""
Row = tuple[Any, ...]


async def publish_alone(client: Client, body: bytes, *, alone: int, saturated: int) -> Mapping[str, float]:
    """Publish messages to a new stream on disk, with acknowledgement, but without an expected last sequence."""
    stream = client.jetstream()
    await stream.add_stream(name=STREAM, subjects=["bench.>"], max_bytes=1024**3)
    slots = asyncio.Semaphore(IN_FLIGHT_MAX)

    async def one() -> None:
        await stream.publish(f"bench.{uuid4()}", body, headers={"Nats-Msg-Id": str(uuid4())})

    async def slot() -> None:
        async with slots:
            await one()

    try:
        await one()
        begun = time.perf_counter()
        for _ in range(alone):
            await one()
        single = alone / (time.perf_counter() - begun)
        begun = time.perf_counter()
        await asyncio.gather(*(slot() for _ in range(saturated)))
        return {
            "one writer, events/s": single,
            "saturated, events/s": saturated / (time.perf_counter() - begun),
        }
    finally:
        await stream.delete_stream(STREAM)


async def publish_and_commit(
    client: Client, store: Store, *, body: bytes, envelope: bytes, payload: bytes, saturated: int
) -> Mapping[str, float]:
    """Publish atomic batches of COPY_EVENTS, and copy each batch into the log's tables while the next is published."""
    stream = client.jetstream()
    await stream.add_stream(name=STREAM, subjects=["bench.>"], max_bytes=1024**3, allow_atomic=True)
    copied: asyncio.Task[None] | None = None
    try:
        async with store.connection() as connection:
            seq: int = await connection.fetchval(named("bench_last"))
            begun = time.perf_counter()
            batches = max(1, saturated // COPY_EVENTS)
            for _ in range(batches):
                await _publish_batch(client, body)
                if copied is not None:
                    await copied
                copied = asyncio.create_task(_keep(connection, seq, COPY_EVENTS, envelope, payload))
                seq += COPY_EVENTS
            if copied is not None:
                await copied
            return {"saturated, events/s": batches * COPY_EVENTS / (time.perf_counter() - begun)}
    finally:
        await stream.delete_stream(STREAM)


async def _publish_batch(client: Client, body: bytes) -> None:
    batch = uuid4().hex

    def headers_of(index: int) -> dict[str, str]:
        return {"Nats-Msg-Id": str(uuid4()), "Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(index)}

    for index in range(1, COPY_EVENTS):
        await client.publish(f"bench.{uuid4()}", body, headers=headers_of(index))
    last = headers_of(COPY_EVENTS) | {"Nats-Batch-Commit": "1"}
    await client.jetstream().publish(f"bench.{uuid4()}", body, timeout=ACK_WAIT_S, headers=last)


async def _keep(connection: asyncpg.Connection, seq: int, count: int, envelope: bytes, payload: bytes) -> None:
    """Copy events with the sequences after `seq`, in one transaction."""
    events: list[Row] = []
    payloads: list[Row] = []
    for place in range(seq + 1, seq + 1 + count):
        events.append((place, uuid4(), "employee.hired", uuid4(), None, envelope))
        payloads.append((place, b"x" * 32, payload, []))
    async with connection.transaction():
        await connection.copy_records_to_table("event", records=events, schema_name="log")
        await connection.copy_records_to_table("payload", records=payloads, schema_name="log")


async def copy_alone(
    store: Store, *, envelope: bytes, payload: bytes, alone: int, saturated: int
) -> Mapping[str, float]:
    """Copy events and payloads into the log's tables with binary COPY: 1 event per transaction, then COPY_EVENTS."""
    async with store.connection() as connection:
        seq: int = await connection.fetchval(named("bench_last"))

        async def keep(count: int) -> None:
            nonlocal seq
            await _keep(connection, seq, count, envelope, payload)
            seq += count

        await keep(1)
        begun = time.perf_counter()
        for _ in range(alone):
            await keep(1)
        single = alone / (time.perf_counter() - begun)
        begun = time.perf_counter()
        for _ in range(max(1, saturated // COPY_EVENTS)):
            await keep(COPY_EVENTS)
        many = max(1, saturated // COPY_EVENTS) * COPY_EVENTS
        return {"one writer, events/s": single, "saturated, events/s": many / (time.perf_counter() - begun)}


async def copy_out(store: Store) -> Mapping[str, float]:
    """Read the whole log from Postgres with binary COPY, and discard it."""
    read = 0

    async def discard(data: bytes) -> None:
        nonlocal read
        read += len(data)

    async with store.connection() as connection:
        begun = time.perf_counter()
        said = await connection.copy_from_table("event", schema_name="log", output=discard, format="binary")
        await connection.copy_from_table("payload", schema_name="log", output=discard, format="binary")
        return {"events/s": int(said.split()[1]) / (time.perf_counter() - begun)}
