"""What the gate knows: one cached fold and one lock per run or other entity, of the log and of no projection."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

from bus import codec
from bus.standing import load_standing
from bus.store import Store
from bus.stream import Stored, Stream
from bus.subjects import EMPLOYEES_FILTER, ORGANISATION_FILTER, load_filter, scope_filter, subject_of
from domain.law import STARTS, Standing, matters, void
from domain.message import Recorded
from domain.registry import DECIDERS, Scope

ENTITIES_CACHED_MAX = 2048


@dataclass(slots=True)
class Loaded:
    """The fold of one run or entity, what commands led to, and the last sequences that decisions expect."""

    kind: str
    state: Any
    seq: int = 0
    commands: dict[UUID, tuple[Recorded, ...]] = field(default_factory=dict)
    ids: set[UUID] = field(default_factory=set)
    tasks: dict[str, int] = field(default_factory=dict)
    complete: bool = False

    def expected(self, scope: Scope, first_seq: int) -> int:
        """The last sequence of a scope, as the stream must know it: 0 when it is older than the hot window."""
        seq = self.tasks.get(str(scope.id), 0) if scope.kind == "task" else self.seq
        return seq if seq >= first_seq else 0

    def fold(self, recorded: Recorded, subject: str) -> None:
        """Count one event, void ones only for the sequence."""
        parts = subject.split(".")
        if len(parts) > 5 and parts[4] == "task":
            self.tasks[parts[5]] = recorded.seq
        self.seq = recorded.seq
        self.ids.add(recorded.envelope.id)
        known = self.commands.get(recorded.envelope.command, ())
        self.commands[recorded.envelope.command] = (*known, recorded)
        if recorded.void is None:
            self.state = DECIDERS[self.kind][2](self.state, recorded.event)


class Loader:
    """Loads and refreshes folds. Not more than ENTITIES_CACHED_MAX are kept."""

    def __init__(self, stream: Stream, store: Store) -> None:
        self._stream = stream
        self._store = store
        self._cache: OrderedDict[UUID, Loaded] = OrderedDict()
        self._locks: dict[UUID, asyncio.Lock] = {}
        self._standing = Standing()
        self._standing_seq: dict[str, int] = {}
        self._standing_ids: dict[UUID, int] = {}
        self._standing_lock = asyncio.Lock()
        self.first_seq = 1

    def lock(self, scope: Scope) -> asyncio.Lock:
        """The one lock of the scope's run or entity."""
        return self._locks.setdefault(scope.run or scope.id, asyncio.Lock())

    async def load(self, scope: Scope, *, fresh: bool) -> Loaded:
        """The fold of a scope. fresh: with everything that the stream has now. The caller holds the lock."""
        key = scope.run or scope.id
        loaded = self._cache.get(key)
        if loaded is None:
            kind = "run" if scope.kind == "task" else scope.kind
            loaded = self._cache[key] = Loaded(kind, DECIDERS[kind][0])
        self._cache.move_to_end(key)
        if not loaded.complete:
            await self._load_aged(scope, loaded)
        if fresh or not loaded.complete:
            await self._load_tail(scope, loaded)
            loaded.complete = True
        self._evict()
        return loaded

    def forget(self) -> None:
        """Drop every fold: the stream may be another one."""
        self._cache.clear()
        self._standing, self._standing_seq, self._standing_ids = Standing(), {}, {}

    def _evict(self) -> None:
        surplus = len(self._cache) - ENTITIES_CACHED_MAX
        if surplus <= 0:
            return
        for key in list(islice(self._cache, surplus)):
            lock = self._locks.get(key)
            if lock is None or not lock.locked():
                del self._cache[key]
                self._locks.pop(key, None)

    async def _load_aged(self, scope: Scope, loaded: Loaded) -> None:
        """What is older than the hot window is in Postgres, for the recorder has passed it."""
        self.first_seq = (await self._stream.info()).first_seq
        if self.first_seq <= 1:
            return
        key = scope.run or scope.id
        read = self._store.read_run if loaded.kind == "run" else self._store.read_entity
        for recorded in await read(key, loaded.seq, self.first_seq - 1):
            subject = subject_of(recorded.envelope)
            if subject.startswith(load_filter(scope).removesuffix(">")):
                loaded.fold(recorded, subject)
                if recorded.void is None and matters(recorded.envelope.type):
                    self._standing.fold(recorded.envelope, recorded.seq)

    async def _load_tail(self, scope: Scope, loaded: Loaded) -> None:
        messages = await self._stream.tail(load_filter(scope), loaded.seq)
        events = [codec.recorded(message.seq, message.data) for message in messages]
        if any(event.envelope.type in STARTS for event in events):
            await self.refresh_standing()
        self.fold_all(loaded, messages, events)

    def fold_all(self, loaded: Loaded, messages: Sequence[Stored], events: Sequence[Recorded]) -> list[Recorded]:
        """Fold new messages by the law; the events as they count. Standing must be up to date for them."""
        marked: list[Recorded] = []
        for message, event in zip(messages, events, strict=True):
            reason = event.void or void(
                event.envelope,
                event.seq,
                self._standing,
                subject_fits=message.subject == subject_of(event.envelope),
                seen=event.envelope.id in loaded.ids,
            )
            judged = Recorded(seq=event.seq, envelope=event.envelope, event=event.event, void=reason)
            if reason is None and matters(event.envelope.type):
                self._standing.fold(event.envelope, event.seq)
            loaded.fold(judged, message.subject)
            marked.append(judged)
        return marked

    async def refresh_standing(self) -> Standing:
        """Standing with everything that the stream has now: the tails of organisation and employees."""
        async with self._standing_lock:
            standing, passed = self._standing, self._standing_seq  # `forget` puts others in their place
            if not passed:
                kept = await self._store.recorded_up_to()
                await load_standing(self._store, kept, standing)
                passed.update({ORGANISATION_FILTER: kept, EMPLOYEES_FILTER: kept})
            tails = await asyncio.gather(*(self._stream.tail(subjects, after) for subjects, after in passed.items()))
            for subjects, messages in zip(list(passed), tails, strict=True):
                for message in messages:
                    event = codec.recorded(message.seq, message.data)
                    if message.subject == subject_of(event.envelope) and matters(event.envelope.type):
                        await self._fold_standing(standing, event)
                    passed[subjects] = message.seq
            return standing

    async def _fold_standing(self, standing: Standing, event: Recorded) -> None:
        """An id that stands earlier in the log makes the event void, for the gate as for the recorder."""
        id = event.envelope.id
        if self._standing_ids.get(id, event.seq) < event.seq or await self._store.seen([id], event.seq):
            return
        self._standing_ids[id] = event.seq
        standing.fold(event.envelope, event.seq)

    def guard(self, scope: Scope, loaded: Loaded) -> tuple[str, int]:
        """The expectation of a decision in this scope."""
        return scope_filter(scope), loaded.expected(scope, self.first_seq)
