"""Fork check: are stream and store the same log? Asked at start and at every reconnect, before anything is written."""

from bus import codec
from bus.store import Store
from bus.stream import Stream
from domain.errors import Unavailable


class Forked(Unavailable):
    """Stream and store disagree. Nothing is written until `aura repair`."""

    kind = "forked"


async def check(stream: Stream, store: Store) -> None:
    """Raise Forked unless last_seq >= recorder's checkpoint >= first_seq - 1 and both hold the same event there."""
    kept = await store.recorded_up_to()  # first: the stream is never behind what was recorded a moment ago
    info = await stream.info()
    if kept > info.last_seq:
        raise Forked(
            f"Postgres holds {kept} events, the stream ends at {info.last_seq}: it lost its tail or is another one.",
            hint="`aura repair` rebuilds the stream from Postgres; nothing is written before that.",
        )
    if kept < info.first_seq - 1:
        raise Forked(
            f"Postgres holds {kept} events, the stream begins at {info.first_seq}: the events between are in neither.",
            hint="Restore a newer backup of Postgres; nothing is written before that.",
        )
    message = await stream.get(kept) if kept >= info.first_seq and kept > 0 else None
    if message is not None and codec.recorded(kept, message.data).envelope.id != await store.id_at(kept):
        raise Forked(
            f"Event {kept} of the stream is not event {kept} of Postgres: they belong to different logs.",
            hint="Check AURA_NATS_URL and AURA_POSTGRES_DSN, or run `aura repair` to rebuild the stream from Postgres.",
        )
