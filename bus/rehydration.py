"""Rebuild of the stream from Postgres. Each event gets its old sequence, so expectations and checkpoints stay valid.

Only the hot window is published again. The stream then begins at the first sequence of the hot window. A purged event
is published without payload.
"""

from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

import asyncpg
import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from bus import codec
from bus.disk_room import STREAM_BYTES_MAX
from bus.store import Store
from bus.stream import REQUEST_WAIT_S, STREAM, NoStream, Stream
from bus.subjects import subject_of
from domain.errors import Failed, Unavailable, said_by
from domain.law import WRONG_SUBJECT
from sql import named

BATCH_EVENTS = 500
HOT_EVENTS_MAX = 1_000_000
ALIEN_TYPE = "alien"
ALIEN_SUBJECT = "aura.evt.alien"
Progress = Callable[[int, int], None]


async def rehydrate(
    client: Client,
    store: Store,
    on_progress: Progress = lambda _done, _all: None,
    *,
    stream_bytes_max: int = STREAM_BYTES_MAX,
) -> tuple[int, int]:
    """Delete the stream, publish the log's last HOT_EVENTS_MAX events again, and return first and last sequence.

    The new stream may grow to `stream_bytes_max`, or to the size limit of the old stream if that was larger.
    Raises Failed if an event gets another sequence. Raises Unavailable if a server stops answering. Then start again.
    """
    last = await store.recorded_up_to()
    first = max(1, last - HOT_EVENTS_MAX + 1)
    js, stream = client.jetstream(timeout=REQUEST_WAIT_S), Stream(client)
    with suppress(NoStream):
        stream_bytes_max = max(stream_bytes_max, (await stream.info()).bytes_max)
    try:
        await js.delete_stream(STREAM)
    except NotFoundError:
        pass  # the stream was lost, and this repair creates it again
    except (NatsError, JetStreamError, TimeoutError) as error:
        raise Unavailable(f"The stream cannot be deleted: {said_by(error)}.", hint="Run `aura status`.") from error
    await stream.ensure(first_seq=first if first > 1 else None, largest=stream_bytes_max)
    after = first - 1
    while after < last:
        after = await _put_back(client, store, after)
        on_progress(after, last)
    info = await stream.info()
    if info.last_seq != last:
        raise Failed(
            f"The new stream ends at event {info.last_seq}, not at {last}: another process wrote to it.",
            hint="Stop every `aura serve` first (`aura down`), then run `aura repair` again.",
        )
    return first, last


async def _put_back(client: Client, store: Store, after: int) -> int:
    """Publish one atomic batch right after the sequence `after`, and return its last sequence."""
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
            raise Unavailable(f"NATS stopped answering: {said_by(error)}.", hint="Run `aura repair` again.") from error
        ack = msgspec.json.decode(reply.data)
        if ack.get("seq") != row["seq"]:
            raise Failed(
                f"Event {row['seq']} got another sequence: {ack}.",
                hint="Stop every process that writes events (`aura down`), then run `aura repair` again.",
            )
    return int(rows[-1]["seq"])


def _message(row: asyncpg.Record) -> tuple[str, bytes]:
    """Return subject and body of an event as it was published.

    A message that was not an event, or had a wrong subject, gets a subject that no event has. So it is void again.
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
