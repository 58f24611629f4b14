"""The rows of a view as of any event: of all its tables or of one, of one run, or page by page.

Only Postgres must run, not NATS.
"""

import random
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec

from bus.history_tables import FIRST
from bus.projection import Projection
from bus.projection_rows import Key, Row, columns
from bus.store import Store
from director.services.replay import projection_named
from director.services.session import find_run
from director.services.times import SEQ_MAX, microseconds
from domain.errors import Differs, Invalid, NotFound
from domain.wording import counted
from projections.history_check import Sampled, check_history
from projections.log_fold import Progress, no_progress
from projections.time_travel import Selected, Selection, rows_as_of
from runtime.roles import CONSUMERS

PAGE_EVENTS = 1000
SEED_MAX = 2**32
LIMIT_MAX = 100_000
"""The most rows of a page."""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A consumer's projection, or one of its tables. `table` empty: all tables."""

    projection: Projection
    table: str = ""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a view to show. `run` empty: all runs. `limit` 0: all rows. `after`: SCOPE/KEY of a row, or empty."""

    run: str = ""
    limit: int = 0
    after: str = ""


class ViewState(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a view as of an event, by table, in the order of scope and key.

    `next`: for `after`, to get the rows that follow; None if no rows follow. `history_up_to`: the last event in the
    history of the view; None if there is no history. `folded`: the number of later events that were folded.
    """

    view: str
    as_of: int
    tables: dict[str, list[dict[str, Any]]]
    next: str | None
    history_up_to: int | None
    folded: int


def view_named(name: str) -> View:
    """Return the view with a name such as `manager` or `manager.run`. Raises NotFound."""
    consumer, _, table = name.partition(".")
    projection = projection_named(consumer)
    tables = [kind.table for kind in projection.tables]
    if table and table not in tables:
        raise NotFound(f"{consumer} has no table {table}.", hint=f"Its tables are: {', '.join(tables)}.")
    return View(projection=projection, table=table)


async def state_of(
    store: Store,
    view: View,
    as_of: str = "",
    part: Part | None = None,
    on_progress: Progress = no_progress,
) -> ViewState:
    """Return a view, or a part of it, as of a sequence or a time. An empty `as_of` means now.

    Raises Invalid for another text or for a wrong part, and NotFound if the log ends before the sequence.
    """
    chosen = await _selection(store, view, part or Part())
    seq = await _sequence(store, as_of) if as_of else None
    found = await rows_as_of(store, view.projection, chosen, seq, on_progress)
    names = {kind.table: columns(kind) for kind in chosen.kinds}
    tables = {
        table: [msgspec.to_builtins(dict(zip(names[table], record, strict=True))) for record in records]
        for table, records in found.records.items()
    }
    return ViewState(
        view=view.projection.name,
        as_of=found.seq,
        tables=tables,
        next=_next(view, found),
        history_up_to=found.history_up_to,
        folded=found.folded,
    )


async def checked_history(
    store: Store, sample: int, seed: int | None = None, note: Callable[[str], None] = lambda _: None
) -> Sampled:
    """Compare the history of every consumer with the fold of the log at `sample` random positions.

    seed: decides the positions; None draws a seed.
    """
    drawn = random.randrange(SEED_MAX) if seed is None else seed
    return await check_history(
        store,
        [make() for make in CONSUMERS.values()],
        sample,
        drawn,
        lambda done, last: note(f"compared up to event {done} of {last}"),
    )


def history_differs(sampled: Sampled) -> Differs | None:
    """Return the error of a check that found differences; None if it found none."""
    if not sampled.differences:
        return None
    number = counted(len(sampled.differences), "difference")
    message = f"{number} between log and history. The first: {sampled.differences[0]}."
    consumer = sampled.differences[0].consumer
    return Differs(message, hint=f"`aura replay {consumer}` drops the history; its process then writes it again.")


async def _selection(store: Store, view: View, part: Part) -> Selection:
    kinds: tuple[type[Row], ...] = tuple(kind for kind in view.projection.tables if view.table in ("", kind.table))
    if not 0 <= part.limit <= LIMIT_MAX:
        raise Invalid(f"A page cannot have {part.limit} rows.", hint=f"Write a number from 1 to {LIMIT_MAX}.")
    if part.after and not view.table:
        tables = ", ".join(f"{view.projection.name}.{kind.table}" for kind in kinds)
        raise Invalid("--after needs one table.", hint=f"Name one of {tables}.")
    scope = await _run(store, part.run) if part.run else None
    return Selection(
        kinds=kinds, scope=scope, after=_key(part.after) if part.after else FIRST, limit=part.limit or None
    )


async def _run(store: Store, text: str) -> UUID:
    """Return the id of a run. A whole id is looked up in the log, so that it works without the manager's rows."""
    try:
        run = UUID(text)
    except ValueError:
        return await find_run(store, text)
    return run if await store.run_span(run) is not None else await find_run(store, text)


def _key(text: str) -> Key:
    scope, _, key = text.partition("/")
    try:
        return UUID(scope), key
    except ValueError:
        raise Invalid(
            f"{text!r} is not the place of a row.", hint="Use the value of `next` that the last page has shown."
        ) from None


def _next(view: View, found: Selected) -> str | None:
    """Return the place of the last row of a page that has rows after it. A page of several tables has no such place."""
    if not view.table or view.table not in found.more:
        return None
    scope, key, *_ = found.records[view.table][-1]
    return f"{scope}/{key}"


async def _sequence(store: Store, as_of: str) -> int:
    """Return a sequence: the given number, or the last sequence at the given time. Raises Invalid."""
    if as_of.isdecimal():
        return min(int(as_of), SEQ_MAX)
    if as_of[:1] == "-" and as_of[1:].isdecimal():
        raise Invalid(f"{as_of} is not a sequence.", hint="0 is the state before the first event.")
    at = microseconds(as_of)
    after, last = 0, 0
    while page := await store.read(after, limit=PAGE_EVENTS):
        for recorded in page:
            if recorded.envelope.occurred_at <= at:
                last = recorded.seq
        after = page[-1].seq
    return last
