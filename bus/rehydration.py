"""A stream made anew from Postgres: same sequences, each proven, so that every expectation and checkpoint holds again.

Only the hot window is put back; the stream then begins at its first sequence. What was purged is put back without
payload.
"""

from collections.abc import Callable
from uuid import uuid4

import asyncpg
import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from bus import codec
from bus.store import Store
from bus.stream import REQUEST_WAIT_S, STREAM, Stream
from bus.subjects import subject_of
from domain.errors import Failed, Unavailable, said_by
from domain.law import WRONG_SUBJECT
from sql import named

BATCH_EVENTS = 500
HOT_EVENTS_MAX = 1_000_000
ALIEN_TYPE = "alien"
ALIEN_SUBJECT = "aura.evt.alien"
Progress = Callable[[int, int], None]


async def rehydrate(client: Client, store: Store, on_progress: Progress = lambda _done, _all: None) -> tuple[int, int]:
    """Delete the stream and publish the log's last HOT_EVENTS_MAX events again; first and last sequence.

    Raises Failed when a sequence comes out differently, Unavailable when a server goes away (start over then).
    """
    last = await store.recorded_up_to()
    first = max(1, last - HOT_EVENTS_MAX + 1)
    js = client.jetstream(timeout=REQUEST_WAIT_S)
    try:
        await js.delete_stream(STREAM)
    except NotFoundError:
        pass  # it was lost: that is why we are here
    except (NatsError, JetStreamError, TimeoutError) as error:
        raise Unavailable(f"The stream cannot be deleted: {said_by(error)}.", hint="Look at `aura status`.") from error
    stream = Stream(client)
    await stream.ensure(first_seq=first if first > 1 else None)
    after = first - 1
    while after < last:
        after = await _put_back(client, store, after)
        on_progress(after, last)
    info = await stream.info()
    if info.last_seq != last:
        raise Failed(
            f"The new stream ends at {info.last_seq} and not at {last}: somebody else wrote.",
            hint="Stop every `aura serve` first (`aura down`), then repair again.",
        )
    return first, last


async def _put_back(client: Client, store: Store, after: int) -> int:
    """One atomic batch behind `after`, refused by the server unless it begins exactly there."""
    async with store.connection() as connection:
        rows = await connection.fetch(named("log_bodies"), after, BATCH_EVENTS)
    batch = uuid4().hex
    for index, row in enumerate(rows, start=1):
        subject, body = _message(row)
        headers = {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(index)}
        if index == 1:
            headers["Nats-Expected-Last-Sequence"] = str(after)
        try:
            if index < len(rows):
                await client.publish(subject, body, headers=headers)
                continue
            headers["Nats-Batch-Commit"] = "1"
            reply = await client.request(subject, body, timeout=REQUEST_WAIT_S, headers=headers)
        except (NatsError, TimeoutError) as error:
            raise Unavailable(f"NATS went away: {said_by(error)}.", hint="Repair again.") from error
        ack = msgspec.json.decode(reply.data)
        if ack.get("seq") != row["seq"]:
            raise Failed(
                f"Event {row['seq']} got another sequence: {ack}.", hint="Stop every writer, then repair again."
            )
    return int(rows[-1]["seq"])


def _message(row: asyncpg.Record) -> tuple[str, bytes]:
    """Subject and body of an event as it was published.

    What was no event is put back as it was, and what stood under a subject not its own is put back under one that is no
    event's either: both are void again.
    """
    envelope = bytes(row["envelope"])
    if row["type"] == ALIEN_TYPE:
        return ALIEN_SUBJECT, envelope
    body = codec.Body(
        envelope=msgspec.Raw(envelope),
        payload=msgspec.Raw(row["bytes"] if row["bytes"] is not None else b"null"),
        salt=(row["salt"] or b"").hex(),
        blobs=tuple(row["blobs"] or ()),
    )
    misplaced = row["reason"] == WRONG_SUBJECT
    return ALIEN_SUBJECT if misplaced else subject_of(codec.envelope_of(envelope)), msgspec.json.encode(body)
