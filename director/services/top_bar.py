"""The numbers that every page shows: the organisation's phase, the end of the log, spending of today, the inbox.

A process with many readers computes them once for all, and only if the log has new events.
"""

import asyncio
import time
from decimal import Decimal

import msgspec

from bus.checkpoints import checkpoints, read_rows
from bus.clock import now
from bus.store import Store
from bus.stream import Stream
from director.services.cost_views import CHARGES
from director.services.inbox import Inbox, inbox_of
from director.services.session import in_time
from director.services.views import ORGANISATION
from director.settings import Settings
from domain.caps import DAY
from domain.errors import Unavailable
from domain.ladder import DAY_US
from projections.consumer_names import CONSUMER_NAMES
from projections.manager import ManagerProjection
from projections.organisation_rows import ORGANISATION_TABLES, OrganisationRow, organisation_state

FRESH_S = 1.0
"""The numbers are at most this much older than the last event."""


class TopBar(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of the top bar. `seq`: the last recorded event. `lag`: events that are not recorded yet.

    `lag` None: the stream does not answer. `today_usd`: the charges of this UTC day, since `today_since`.
    `limit_usd`: the cap of a day; None if there is none. `waiting`: the number of decisions in the inbox.
    """

    phase: str
    seq: int
    lag: int | None
    today_usd: Decimal
    today_since: int
    limit_usd: Decimal | None
    waiting: int


class TopBarReader:
    """Reads the numbers for all readers of a process. It asks for the inbox only if the log or the rows have moved."""

    def __init__(self, store: Store, stream: Stream, settings: Settings) -> None:
        self._store = store
        self._stream = stream
        self._settings = settings
        self._known: TopBar | None = None
        self._key: tuple[int, ...] = ()
        self._read_at = 0.0
        self._reading = asyncio.Lock()

    async def read(self) -> TopBar:
        """Return the numbers, at most FRESH_S older than the last event."""
        async with self._reading:
            if self._known is None or time.monotonic() - self._read_at > FRESH_S:
                self._known = await self._read()
                self._read_at = time.monotonic()
            return self._known

    async def settle(self, seq: int) -> None:
        """Wait until the manager's rows show an event, so that the next page shows it. Give up after 10 s."""

        async def there() -> bool:
            return (await positions(self._store)).get(ManagerProjection.name, 0) >= seq

        await in_time(there)
        self._read_at = 0.0

    async def inbox(self, detailed: int = 0) -> Inbox:
        """Return the inbox as it is now. `detailed`: the number of deliveries with notes, the oldest first."""
        return await inbox_of(self._store, self._settings, detailed)

    async def _read(self) -> TopBar:
        seq = await self._store.recorded_up_to()
        key = (seq, *(await positions(self._store)).values())
        line = await ORGANISATION.first(self._store)
        since = now() // DAY_US * DAY_US
        known = self._known
        if known is not None and self._key == key and known.today_since == since:
            waiting, spent = known.waiting, known.today_usd
        else:
            waiting, spent = (await self.inbox()).count, await spent_since(self._store, since)
        bar = TopBar(
            phase=line.phase if line else "unfounded",
            seq=seq,
            lag=await self._lag(seq),
            today_usd=spent,
            today_since=since,
            limit_usd=await day_limit(self._store),
            waiting=waiting,
        )
        self._key = key
        return bar

    async def _lag(self, seq: int) -> int | None:
        try:
            return max((await self._stream.info()).last_seq - seq, 0)
        except Unavailable:
            return None


async def positions(store: Store) -> dict[str, int]:
    """Return the position of the rows of each consumer."""
    return await checkpoints(store, CONSUMER_NAMES)


async def spent_since(store: Store, since: int) -> Decimal:
    """Return the charges since a time (microseconds)."""
    lines = await CHARGES.read(store, since, None, "{}", [], [])
    return sum((line.usd for line in lines), Decimal(0))


async def day_limit(store: Store) -> Decimal | None:
    """Return the dollars of the cap of a day; None if there is none."""
    try:
        rows = await read_rows(store, ManagerProjection.name, ORGANISATION_TABLES)
    except msgspec.ValidationError:  # rows of another release: other queries report it
        return None
    if not rows.all(OrganisationRow):
        return None
    limit = organisation_state(rows).caps.get(DAY)
    return limit.usd if limit is not None else None
