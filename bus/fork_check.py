"""Fork check: whether stream and store hold the same log. It runs at each start and reconnect, before any write."""

from bus import codec
from bus.store import Store
from bus.stream import Stream
from domain.errors import Unavailable
from domain.wording import counted


class Forked(Unavailable):
    """Stream and store hold different logs. Nothing is written until `aura repair`."""

    kind = "forked"


async def check(stream: Stream, store: Store) -> None:
    """Raise Forked unless last_seq >= checkpoint >= first_seq - 1, and stream and store hold the same event there."""
    checkpoint = await store.recorded_up_to()  # read first, because the stream is never behind an earlier checkpoint
    info = await stream.info()
    if checkpoint > info.last_seq:
        raise Forked(
            f"Postgres holds {counted(checkpoint, 'event')}, but the stream ends at event {info.last_seq}. "
            "The stream has lost its last events, or it is the stream of another log.",
            hint="`aura repair` rebuilds the stream from Postgres; nothing is written before that.",
        )
    if checkpoint < info.first_seq - 1:
        raise Forked(
            f"Postgres holds {counted(checkpoint, 'event')}, but the stream begins at event {info.first_seq}. "
            "The events between these two are missing in both.",
            hint="Restore a newer backup of Postgres; nothing is written before that.",
        )
    message = await stream.get(checkpoint) if checkpoint >= info.first_seq and checkpoint > 0 else None
    if message is not None and codec.recorded(checkpoint, message.data).envelope.id != await store.id_at(checkpoint):
        raise Forked(
            f"Event {checkpoint} differs between the stream and Postgres. They belong to different logs.",
            hint="Check AURA_NATS_URL and AURA_POSTGRES_DSN, or run `aura repair` to rebuild the stream from Postgres.",
        )
