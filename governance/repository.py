"""The repository of aggregates: one cached fold and one lock per run or other entity. Its only source is the log.

In a process that follows the live log (`follow`), the folds get their events from the live log, and a decision reads
nothing. A door reads the stream for each command.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice
from operator import attrgetter
from uuid import UUID

from bus import codec
from bus.live_log import Live
from bus.store import Store
from bus.stream import Stored, Stream
from bus.subjects import load_filter, scope_filter, subject_of
from domain.law import STARTS, WRONG_SUBJECT, Standing, matters, void
from domain.message import ORGANISATION, Recorded
from domain.organisation import OrganisationState
from domain.registry import DECIDERS, RUN_BEGINS, Scope
from governance.cached_aggregate import CachedAggregate
from governance.standing_reader import Tails

ENTITIES_CACHED_MAX = 2048
WHOLE_CHECK_S = 60.0
"""Seconds for which a check that the stream holds the whole log is valid."""
WHOLE_MARGIN_S = 3600.0
"""The check is not valid in the last hour before the first event ages out of the stream."""


_by_seq = attrgetter("seq")


class Loader:
    """Loads and refreshes folds. At most ENTITIES_CACHED_MAX are cached."""

    def __init__(self, stream: Stream, store: Store) -> None:
        self._stream = stream
        self._store = store
        self._cache: OrderedDict[UUID, CachedAggregate] = OrderedDict()
        self._locks: dict[UUID, asyncio.Lock] = {}
        self._tails = Tails(stream, store)
        self._live: Live | None = None
        self._fed = 0
        self._whole_until = 0.0  # on the loop's clock; before this time the stream has lost no event by age
        self.first_seq = 1

    def follow(self, live: Live) -> None:
        """Take events and standing from this process's live log from now on."""
        self._live = live

    def lock(self, scope: Scope) -> asyncio.Lock:
        """Return the lock of the scope's run or entity."""
        return self._locks.setdefault(scope.run or scope.id, asyncio.Lock())

    async def load(self, scope: Scope, *, fresh: bool, alone: bool = False) -> CachedAggregate:
        """Return the fold of a scope. fresh: include all events that the stream has now. The caller holds the lock.

        alone: the caller publishes with a guard of this scope only. Then a scope that may be new is not read.
        """
        self._feed()
        key = scope.run or scope.id
        loaded = self._cache.get(key)
        if loaded is None:
            kind = "run" if scope.kind == "task" else scope.kind
            loaded = self._cache[key] = CachedAggregate(kind, DECIDERS[kind][0])
        self._cache.move_to_end(key)
        if alone and not fresh and self._may_be_new(scope, loaded) and await self._has_whole_log():
            return loaded
        if fresh or not loaded.complete:
            info, tail = await asyncio.gather(self._stream.info(), self._stream.tail(load_filter(scope), loaded.seq))
            if loaded.seq < info.first_seq - 1:
                info = await self._stream.info()  # read after the tail: only Postgres has the events that it lacks
                await self._load_aged(scope, loaded, info.first_seq - 1)
            self.first_seq = info.first_seq
            await self._take_tail(loaded, tail)
            loaded.complete = True
            for recorded in loaded.passing:
                loaded.take(recorded)
            loaded.passing.clear()
        self._evict()
        return loaded

    def _may_be_new(self, scope: Scope, loaded: CachedAggregate) -> bool:
        """Return whether a decision may be made as if the scope had no event yet.

        Its publish then expects that the scope has no event, so it succeeds only if this is true. The guard of a task
        does not cover its run, so a task is always read.
        """
        return self._live is None and not loaded.seq and not loaded.complete and scope.kind != "task"

    async def _has_whole_log(self) -> bool:
        """Return whether the stream still holds every event. An older event would not fail a publish."""
        now = asyncio.get_running_loop().time()
        if now >= self._whole_until:
            info = await self._stream.info()
            self.first_seq = info.first_seq
            if info.first_seq > 1:
                return False
            self._whole_until = now + min(WHOLE_CHECK_S, info.whole_for_s - WHOLE_MARGIN_S)
        return now < self._whole_until

    async def organisation(self) -> OrganisationState:
        """Return the organisation's state for a decision that does not guard it.

        It may be a moment old in a process that follows the live log. A door reads the stream.
        """
        scope = Scope("organisation", ORGANISATION)
        async with self.lock(scope):
            state: OrganisationState = (await self.load(scope, fresh=self._live is None)).state
            return state

    async def history(self, scope: Scope) -> list[Recorded]:
        """Return every event of a scope that this process has read, in order. Void events are marked."""
        async with self.lock(scope):
            loaded = await self.load(scope, fresh=False)
            return sorted((event for events in loaded.commands.values() for event in events), key=_by_seq)

    async def settle(
        self,
        command: UUID,
        scopes: Sequence[Scope],
        loaded: Sequence[CachedAggregate],
        published: Sequence[tuple[int, Stored]],
    ) -> list[Recorded]:
        """Return the events that a command has just caused, marked by the law.

        published: for each message the index of its scope, and the message.
        """
        last = published[-1][1].seq
        if self._live is not None:
            if (early := self._fold_early(scopes, loaded, published)) is not None:
                return early
            await self._live.reach(last)
            loaded = [await self.load(scope, fresh=False) for scope in scopes]
            caused = [event for part in loaded for event in part.commands.get(command, ())]
            return sorted(caused, key=_by_seq)
        events = [codec.recorded(message.seq, message.data) for _, message in published]
        if any(event.envelope.type in STARTS for event in events):
            await self._tails.refresh()
        if scopes[0].kind == "task":  # other tasks of the run may have changed in the meantime
            return list((await self.load(scopes[0], fresh=True)).commands[command])
        for index, _ in published:
            loaded[index].complete = True  # its guard has shown that there is no other event
        marked: list[Recorded] = []
        for (index, message), event in zip(published, events, strict=True):
            marked.extend(self._fold(loaded[index], [message], [event]))
        return marked

    def _fold_early(
        self, scopes: Sequence[Scope], loaded: Sequence[CachedAggregate], published: Sequence[tuple[int, Stored]]
    ) -> list[Recorded] | None:
        """Fold events that are on the stream, but have not arrived on the live log yet. Return them, marked by the law.

        This is right if every earlier event has arrived, because the law needs nothing else. Return None if an earlier
        event is missing, or if the events change the standing: then the caller waits until they have arrived.
        """
        assert self._live is not None
        if self._live.position != published[0][1].seq - 1:
            return None
        self._feed()
        if any(part is not self._cache.get(scope.run or scope.id) for part, scope in zip(loaded, scopes, strict=True)):
            return None  # dropped in the meantime
        events = [codec.recorded(message.seq, message.data) for _, message in published]
        if not all(part.complete for part in loaded) or any(matters(event.envelope.type) for event in events):
            return None
        marked: list[Recorded] = []
        for (index, message), event in zip(published, events, strict=True):
            marked.extend(self._fold(loaded[index], [message], [event]))
            loaded[index].early[message.seq] = marked[-1].void
        return marked

    async def standing(self, *, fresh: bool) -> Standing:
        """Return the standing from the live log, which may be a moment old. fresh: read the present stream.

        If a decision uses an old standing, the law may make its events void. The gate refuses a command only with a
        fresh standing.
        """
        if self._live is None:
            return await self._tails.refresh()
        if fresh:
            await self._live.reach((await self._stream.info()).last_seq)
        return self._live.standing

    def doubt(self, scopes: Sequence[Scope]) -> None:
        """Drop these folds, so that the next load reads all their events again. The caller holds their locks."""
        for scope in scopes:
            self._cache.pop(scope.run or scope.id, None)

    def forget(self) -> None:
        """Drop every fold, because the stream may be another one."""
        self._cache.clear()
        self._whole_until = 0.0
        self._tails.forget()

    def _feed(self) -> None:
        """Add to the cached folds the events that arrived on the live log since the last call."""
        while self._live is not None and self._live.position:
            events = self._live.after(self._fed)
            if events is None:  # the live log no longer holds these events
                self._cache.clear()
                self._fed = self._live.position
                return
            if not events:
                return
            for recorded in events:
                self._pass(recorded)
            self._fed = events[-1].seq

    def _pass(self, recorded: Recorded) -> None:
        if recorded.void in (WRONG_SUBJECT, codec.ALIEN):
            return  # the envelope does not show the scope. A decision that this event blocks reads the stream again
        envelope = recorded.envelope
        of_run = envelope.entity in ("run", "task") and envelope.run
        kind, key = ("run", of_run) if of_run else (envelope.entity, envelope.entity_id)
        loaded = self._cache.get(key)
        if loaded is not None and loaded.kind != kind:
            return  # a refusal has its principal's id, but is not in the scope of an entity with that id
        if loaded is None:
            if envelope.type == RUN_BEGINS and recorded.void is None:
                loaded = self._cache[key] = CachedAggregate("run", DECIDERS["run"][0], complete=True)
                loaded.take(recorded)
        elif loaded.complete:
            if loaded.early.pop(recorded.seq, recorded.void) != recorded.void:
                del self._cache[key]  # the law of the whole log decides: this id is already in another scope
                return
            loaded.take(recorded)
        else:
            loaded.passing.append(recorded)

    def _evict(self) -> None:
        surplus = len(self._cache) - ENTITIES_CACHED_MAX
        if surplus <= 0:
            return
        for key in list(islice(self._cache, surplus)):
            lock = self._locks.get(key)
            if lock is None or not lock.locked():
                del self._cache[key]
                self._locks.pop(key, None)

    async def _load_aged(self, scope: Scope, loaded: CachedAggregate, up_to: int) -> None:
        """Load the events older than the hot window from Postgres. The recorder has stored them."""
        key = scope.run or scope.id
        read = self._store.read_run if loaded.kind == "run" else self._store.read_entity
        for recorded in await read(key, loaded.seq, up_to):
            subject = subject_of(recorded.envelope)
            if subject.startswith(load_filter(scope).removesuffix(">")):
                loaded.fold(recorded, subject)
                if recorded.void is None and matters(recorded.envelope.type):
                    self._tails.standing.fold(recorded.envelope, recorded.seq)

    async def _take_tail(self, loaded: CachedAggregate, messages: Sequence[Stored]) -> None:
        """Fold the events from the stream, except those that came from Postgres."""
        events = [codec.recorded(message.seq, message.data) for message in messages]
        if messages and self._live is not None:
            await self._live.reach(messages[-1].seq)
        elif any(event.envelope.type in STARTS for event in events):
            await self._tails.refresh()
        self._fold(loaded, messages, events)

    def _fold(self, loaded: CachedAggregate, messages: Sequence[Stored], events: Sequence[Recorded]) -> list[Recorded]:
        """Fold new messages, mark them by the law, and return them. The standing must be up to date for them."""
        standing = self._live.standing if self._live is not None else self._tails.standing
        marked: list[Recorded] = []
        for message, event in zip(messages, events, strict=True):
            if message.seq <= loaded.seq:
                continue
            reason = event.void or void(
                event.envelope,
                event.seq,
                standing,
                subject_fits=message.subject == subject_of(event.envelope),
                seen=event.envelope.id in loaded.ids,
            )
            judged = Recorded(seq=event.seq, envelope=event.envelope, event=event.event, void=reason)
            if self._live is None and reason is None and matters(event.envelope.type):
                standing.fold(event.envelope, event.seq)
            loaded.fold(judged, message.subject)
            marked.append(judged)
        return marked

    def guard(self, scope: Scope, loaded: CachedAggregate) -> tuple[str, int]:
        """Return the filter of this scope, and the filter's last sequence that a publish must expect."""
        return scope_filter(scope), loaded.expected(scope, self.first_seq)
