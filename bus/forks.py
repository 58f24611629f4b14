"""Fork check: are the stream and the store the same log? Asked at start and at every reconnect, before anything is written."""

from bus import codec
from bus.store import Store
from bus.stream import Stream
from domain.errors import AuraError, Unavailable


class Forked(Unavailable):
    """Stream and store disagree. Nothing is written until `aura repair`."""

    kind = "forked"


async def check(stream: Stream, store: Store) -> None:
    """Raise Forked unless last_seq >= recorder's checkpoint >= first_seq - 1 and both hold the same event there."""
    info = await stream.info()
    kept = await store.recorded_up_to()
    if kept > info.last_seq:
        raise Forked(
            f"Postgres holds {kept} events, the stream ends at {info.last_seq}: the stream lost its tail or is another one.",
            hint="`aura repair` rebuilds the stream from Postgres; nothing is written before that.",
        )
    if kept < info.first_seq - 1:
        raise Forked(
            f"Postgres holds {kept} events, the stream begins at {info.first_seq}: the events between are in neither.",
            hint="Restore a newer backup of Postgres (`aura restore`); nothing is written before that.",
        )
    message = await stream.get(kept) if kept >= info.first_seq and kept > 0 else None
    if message is not None and not await _same(message.data, kept, store):
        raise Forked(
            f"Event {kept} of the stream is not event {kept} of Postgres: they belong to different logs.",
            hint="Check AURA_NATS_URL and AURA_POSTGRES_DSN, or run `aura repair` to rebuild the stream from Postgres.",
        )


async def _same(data: bytes, seq: int, store: Store) -> bool:
    try:
        return codec.envelope_of(codec.split(data).envelope).id == await store.id_at(seq)
    except AuraError as error:
        if isinstance(error, Unavailable):
            raise
        return True  # not an event message: recorded as void, under a derived id
