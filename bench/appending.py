"""Measurement of events per second, from a command at the gate until Postgres and all consumers have the event."""

import asyncio
import time
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from itertools import count
from uuid import UUID, uuid4

import msgspec

from bench import limits, peer
from bench.figures import Measure
from bench.firm import Firm
from bus.clock import now
from bus.codec import split
from bus.store import Store
from domain.employee import Hire, Profile
from governance.gate import Outcome
from runtime.process_config import STAFF_ROLES

OURS = "Aura: gate, JetStream, recorder, all consumers"
WRITERS = 16
"""Number of the peer's threads. Each thread has its own connection."""
COMMANDS_AT_ONCE = 512
"""As many as a batch of the limit has. The peers gain nothing from more than their threads."""
NAMES = count()


class AppendingSize(msgspec.Struct, frozen=True):
    """Number of events that one round appends with one writer (`alone`) and with many (`saturated`)."""

    alone: int
    saturated: int


async def contestants(firm: Firm, size: AppendingSize) -> Mapping[str, Measure]:
    """Return the systems to measure, on the servers of one firm.

    All systems append events of the same size, which is the size of Aura's first event.
    """
    outcome = await hire(firm)
    message = await firm.office.stream.get(outcome.seq)
    assert message is not None, "the event was acknowledged"
    body = split(message.data)
    envelope, payload = bytes(body.envelope), bytes(body.payload)
    store = await firm.store("copy_alone")
    question = {
        **peer.where(await firm.database("peer_eventsourcing")),
        "what": "append",
        "writers": WRITERS,
        "event_bytes": len(envelope) + len(payload),
        "events_alone": size.alone,
        "events_saturated": size.saturated,
    }
    found: dict[str, Measure] = {OURS: partial(ours, firm, size)}
    if peer.is_there():
        found["pyeventsourcing, PostgresApplicationRecorder"] = partial(peer.ask, "eventsourcing", question)
    return found | {
        "limit: JetStream publish alone": partial(
            limits.publish_alone, firm.office.client, message.data, alone=size.alone, saturated=size.saturated
        ),
        "limit: publish and COPY, in batches of 500": partial(
            limits.publish_and_commit,
            firm.office.client,
            await firm.store("publish_and_copy"),
            body=message.data,
            envelope=envelope,
            payload=payload,
            saturated=size.saturated,
        ),
        "limit: COPY alone": partial(_copy, store, envelope, payload, size),
    }


async def _copy(store: Store, envelope: bytes, payload: bytes, size: AppendingSize) -> Mapping[str, float]:
    return await limits.copy_alone(
        store, envelope=envelope, payload=payload, alone=size.alone, saturated=size.saturated
    )


async def hire(firm: Firm) -> Outcome:
    """Send one command. It causes one event in a new scope, rows at two consumers, and no reaction."""
    profile = Profile(
        name=f"bench-{next(NAMES)}",
        provider="scripted",
        model="bench",
        model_digest=None,
        style="scripted",
        scripted=True,
        slots=1,
        output_tokens_max=1024,
        call_tokens_max=2048,
        call_usd_max=Decimal(0),
        call_wall_s=60.0,
    )
    employee: UUID = uuid4()
    return await firm.director.handle(Hire(id=uuid4(), at=now(), employee=employee, profile=profile))


async def hire_many(firm: Firm, count: int) -> None:
    """Send commands, COMMANDS_AT_ONCE at a time. One task sends many, so the waiting of tasks is not measured."""
    left = iter(range(count))

    async def sender() -> None:
        for _ in left:
            await hire(firm)

    await asyncio.gather(*(sender() for _ in range(COMMANDS_AT_ONCE)))


async def ours(firm: Firm, size: AppendingSize) -> Mapping[str, float]:
    """Measure one writer, then many commands at the same time. The time ends when the last event is in Postgres.

    A second time ends when all consumers have processed the last event.
    """
    async with firm.running(STAFF_ROLES) as house:
        begun = time.perf_counter()
        for _ in range(size.alone):
            await hire(firm)
        await firm.all_passed(house, "recorder")
        recorded = time.perf_counter() - begun
        await firm.all_passed(house)
        alone = time.perf_counter() - begun
        begun, batches = time.perf_counter(), firm.office.publisher.groups
        await hire_many(firm, size.saturated)
        await firm.all_passed(house, "recorder")
        recorded_saturated = time.perf_counter() - begun
        await firm.all_passed(house)
        saturated = time.perf_counter() - begun
    return {
        "one writer, events/s": size.alone / recorded,
        "saturated, events/s": size.saturated / recorded_saturated,
        "one writer until all consumers passed, events/s": size.alone / alone,
        "saturated until all consumers passed, events/s": size.saturated / saturated,
        "saturated, group commits": firm.office.publisher.groups - batches,
    }
