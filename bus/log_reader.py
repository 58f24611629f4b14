"""Reader of the log after a position: first from Postgres, then live from the stream. Void events are marked."""

import asyncio

from nats.aio.client import Client

from bus import codec
from bus.known_ids import KnownIds
from bus.push_consumer import Feed, Gap
from bus.standing import load_standing
from bus.store import PAGE_EVENTS, Store
from bus.stream import Stored
from bus.subjects import subject_of
from domain.law import Standing, matters, void
from domain.message import Recorded

POLL_S = 0.05
RECORDER_WAIT_S = 10.0


class LogReader:
    """Batches of events in order of sequence. Void events have the same marks that the recorder gives them."""

    def __init__(self, client: Client, store: Store) -> None:
        self._client = client
        self._store = store
        self.standing = Standing()
        self._feed: Feed | None = None
        self._ids = KnownIds(store)
        self.position = 0

    async def begin(self, position: int) -> None:
        """Start after a position. Wait until the recorder has passed it. Raises Unavailable after RECORDER_WAIT_S."""
        await self._store.wait_recorded(position, RECORDER_WAIT_S)
        self.standing = await load_standing(self._store, position)
        await self._ids.begin(position)
        self.position = position
        await self._close_feed()

    async def batch(self, wait_s: float) -> list[Recorded]:
        """Return the next events, at most PAGE_EVENTS; an empty list if none come in `wait_s`. Raises Unavailable."""
        if self._feed is None:
            page = await self._store.read(self.position, limit=PAGE_EVENTS)
            if page:
                self._ids.note([(event.seq, event.envelope.id) for event in page])
                self._pass(page)
                return page
            self._feed = Feed(self._client, self.position)
        try:
            messages = await self._feed.batch(wait_s)
        except Gap:
            await self._close_feed()  # the event is older than the hot window: Postgres has it, or will soon have it
            await asyncio.sleep(POLL_S)
            return []
        if not messages:
            return []
        return await self._mark(messages)

    async def _mark(self, messages: list[Stored]) -> list[Recorded]:
        events = [codec.recorded(message.seq, message.data) for message in messages]
        repeated = await self._ids.repeated([(event.seq, event.envelope.id) for event in events])
        marked: list[Recorded] = []
        for message, event in zip(messages, events, strict=True):
            reason = event.void or void(
                event.envelope,
                event.seq,
                self.standing,
                subject_fits=message.subject == subject_of(event.envelope),
                seen=event.seq in repeated,
            )
            marked.append(
                Recorded(seq=event.seq, envelope=event.envelope, event=event.event, void=reason) if reason else event
            )
            self._pass(marked[-1:])
        return marked

    def _pass(self, events: list[Recorded]) -> None:
        for event in events:
            if event.void is None and matters(event.envelope.type):
                self.standing.fold(event.envelope, event.seq)
            self.position = event.seq

    async def close(self) -> None:
        await self._ids.close()
        await self._close_feed()

    async def _close_feed(self) -> None:
        feed, self._feed = self._feed, None
        if feed is not None:
            await feed.close()
