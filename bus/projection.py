"""One event in one consumer: the projection changes rows, and the reactor gives commands. A failing event is parked."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypedDict, runtime_checkable
from uuid import UUID

from bus.projection_rows import Parked, Row, Rows
from domain.incident import Raise
from domain.message import Command, Recorded, Unreadable, derive

APPLY_ATTEMPTS_MAX = 3


class Projection(Protocol):
    """Turns events into rows. `apply` is pure: the same events give the same rows."""

    @property
    def name(self) -> str: ...
    @property
    def tables(self) -> Sequence[type[Row]]: ...

    def apply(self, recorded: Recorded, rows: Rows) -> None: ...


@runtime_checkable
class Selective(Protocol):
    """A projection that names the classes of its events. `apply` changes nothing for an event of another class."""

    @property
    def reads(self) -> tuple[type, ...]: ...


class Stamp(TypedDict):
    """The fields of every command: its id, its time and its cause."""

    id: UUID
    at: int
    cause: UUID | None


class Cause:
    """The inputs that a reaction needs for its commands: ids that are derived from the cause, and the time of sending.

    of_event=False: the cause is not an event of the log, but a deadline or another id. `first`: the index of the first
    command, if earlier commands have followed from the same cause.
    """

    def __init__(self, source: UUID, now: int, *, of_event: bool = True, first: int = 0) -> None:
        self.source = source
        self.now = now
        self._event = source if of_event else None
        self._first = first
        self._counts: dict[str, int] = {}

    def fields(self, handler: str) -> Stamp:
        """Return id, at and cause of the handler's next command. Handler names never change."""
        index = self._counts.get(handler, self._first)
        self._counts[handler] = index + 1
        return Stamp(id=derive(self.source, handler, index), at=self.now, cause=self._event)


class Reactor(Protocol):
    """Turns one event and the rows of its projection into commands. Pure. Each member of the staff has a reactor."""

    def react(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]: ...

    def react_void(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]: ...


def scope_id(recorded: Recorded) -> UUID:
    """Return the scope of an event's rows: its run, or its entity if it has no run."""
    return recorded.envelope.run or recorded.envelope.entity_id


def fold(
    projection: Projection, reactor: Reactor | None, recorded: Recorded, rows: Rows, now: int
) -> Sequence[Command]:
    """Apply one event to the rows and return the commands that follow. An event that fails is parked."""
    if recorded.void is not None:
        return reactor.react_void(recorded, rows, _cause(recorded, now)) if reactor else ()
    scope = scope_id(recorded)
    if rows.has(Parked, scope):
        rows.put(Parked(scope=scope, key=f"{recorded.seq:020}", error="an earlier event of this scope is parked"))
        return ()
    mark = rows.mark()
    error = ""
    for _ in range(APPLY_ATTEMPTS_MAX):
        try:
            if isinstance(recorded.event, Unreadable):
                raise ValueError(recorded.event.error)
            projection.apply(recorded, rows)
            return reactor.react(recorded, rows, _cause(recorded, now)) if reactor else ()
        except Exception as problem:  # a process edge: an event that fails must not stop the events of other scopes
            error = f"{type(problem).__name__}: {problem}".replace("\0", "\N{REPLACEMENT CHARACTER}")
            rows.back(mark)
    rows.put(Parked(scope=scope, key=f"{recorded.seq:020}", error=error))
    return (_incident(projection.name, recorded, error, _cause(recorded, now)),) if reactor else ()


def fold_page(projection: Projection, page: Iterable[Recorded], rows: Rows) -> Recorded | None:
    """Apply events that count, as `fold` does without a reactor, but with less work for each event.

    Return the first event that fails, without its changes; None if all succeed. The caller gives this event and all
    later ones to `fold`.
    """
    apply, mark_of = projection.apply, rows.mark
    for recorded in page:
        mark = mark_of()
        try:
            if isinstance(recorded.event, Unreadable):
                return recorded
            apply(recorded, rows)
        except Exception:  # a process edge: `fold` tries again and parks the event
            rows.back(mark)
            return recorded
    return None


def _cause(recorded: Recorded, now: int) -> Cause:
    return Cause(recorded.envelope.id, now)


def _incident(consumer: str, recorded: Recorded, error: str, cause: Cause) -> Raise:
    return Raise(
        incident=derive(recorded.envelope.id, consumer, "parked"),
        kind="parked_event",
        evidence=(recorded.envelope.id,),
        limits={"attempts_max": APPLY_ATTEMPTS_MAX},
        detail=f"{consumer} cannot process event {recorded.seq} ({recorded.envelope.type}): {error}",
        run=recorded.envelope.run,
        **cause.fields(f"{consumer}.parked"),
    )
