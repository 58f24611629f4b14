"""Standing for a process without a live log (a door). It is read from the stream for each command."""

import asyncio
from uuid import UUID

from bus import codec
from bus.standing import load_standing
from bus.store import Store
from bus.stream import Stream
from bus.subjects import EMPLOYEES_FILTER, ORGANISATION_FILTER, subject_of
from domain.law import Standing, matters
from domain.message import Recorded


class Tails:
    """Reader of the newest events of organisation and employees from the stream, and of older ones from Postgres."""

    def __init__(self, stream: Stream, store: Store) -> None:
        self._stream = stream
        self._store = store
        self._lock = asyncio.Lock()
        self.forget()

    def forget(self) -> None:
        """Drop everything, because the stream may be another one. The next refresh reads the whole standing again."""
        self.standing = Standing()
        self._passed: dict[str, int] = {}
        self._ids: dict[UUID, int] = {}

    async def refresh(self) -> Standing:
        """Return the standing after all events that the stream has now."""
        async with self._lock:
            standing, passed = self.standing, self._passed  # saved here, because `forget` replaces both
            if not passed:
                checkpoint = await self._store.recorded_up_to()
                await load_standing(self._store, checkpoint, standing)
                passed.update({ORGANISATION_FILTER: checkpoint, EMPLOYEES_FILTER: checkpoint})
            tails = await asyncio.gather(*(self._stream.tail(subjects, after) for subjects, after in passed.items()))
            for subjects, messages in zip(list(passed), tails, strict=True):
                for message in messages:
                    event = codec.recorded(message.seq, message.data)
                    if message.subject == subject_of(event.envelope) and matters(event.envelope.type):
                        await self._fold(standing, event)
                    passed[subjects] = message.seq
            return standing

    async def _fold(self, standing: Standing, event: Recorded) -> None:
        """Fold an event, unless its id is already in the log. The recorder marks such a repeated event as void, too."""
        id = event.envelope.id
        if self._ids.get(id, event.seq) < event.seq or await self._store.seen([id], event.seq):
            return
        self._ids[id] = event.seq
        standing.fold(event.envelope, event.seq)
