"""Behind events, why, state and replay: reading the log, with NATS or without."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from agents.organisation import CONSUMERS
from bus.consumer import Projection
from bus.store import Store
from director import show
from director.commands.options import SEQ_MAX
from director.desk import archive, find_run
from director.door import Door
from director.settings import Settings
from domain.errors import Differs, Invalid, NotFound
from domain.message import Recorded
from projections import replay

PAGE_EVENTS = 1000
FOLLOW_POLL_S = 0.2
DEPTH_MAX = 12
TREE_EVENTS_MAX = 500


@dataclass(frozen=True)
class Filter:
    """Which events: of a run, of types that begin with something, behind a sequence."""

    run: str
    kind: str
    after: int

    def fits(self, recorded: Recorded, run: UUID | None) -> bool:
        envelope = recorded.envelope
        return (run is None or envelope.run == run) and envelope.type.startswith(self.kind)


async def show_events(settings: Settings, door: Door, wanted: Filter, *, follow: bool) -> None:
    """Print the log, and with follow what comes."""
    async with archive(settings) as store:
        run = await find_run(store, wanted.run) if wanted.run else None
        after = wanted.after
        while True:
            page = await store.read(after, limit=PAGE_EVENTS)
            for recorded in page:
                after = recorded.seq
                if wanted.fits(recorded, run):
                    door.line(event_data(recorded), event_line(recorded))
            if len(page) < PAGE_EVENTS:
                if not follow:
                    return
                await asyncio.sleep(FOLLOW_POLL_S)


def event_data(recorded: Recorded) -> dict[str, Any]:
    """An event for machines."""
    return {
        "seq": recorded.seq,
        "void": recorded.void,
        "envelope": msgspec.to_builtins(recorded.envelope),
        "payload": msgspec.to_builtins(recorded.event),
    }


def event_line(recorded: Recorded) -> str:
    """An event for people: sequence, time, who, what, about whom."""
    envelope = recorded.envelope
    void = f"  VOID: {recorded.void}" if recorded.void else ""
    about = f" employee {str(envelope.employee)[:8]}" if envelope.employee else ""
    return (
        f"{recorded.seq:>6}  {show.clock(envelope.occurred_at)}  {envelope.role:<9} {envelope.type:<28} "
        f"{envelope.entity} {str(envelope.entity_id)[:8]}{about}  {envelope.id}{void}"
    )


async def explain(settings: Settings, door: Door, event: str) -> None:
    """The chain of causes of an event, and the tree of what it caused."""
    async with archive(settings) as store:
        found = await _find(store, event)
        causes: list[Recorded] = []
        cause = found.envelope.cause
        while cause is not None and len(causes) < DEPTH_MAX:
            earlier = await store.find(cause)
            if earlier is None:
                break
            causes.insert(0, earlier)
            cause = earlier.envelope.cause
        budget = [TREE_EVENTS_MAX]
        effects = await _effects(store, found, DEPTH_MAX, budget)
    lines = [f"{'  ' * depth}{event_line(earlier)}" for depth, earlier in enumerate(causes)]
    lines.append(f"{'  ' * len(causes)}{event_line(found)}   <- this")
    lines.extend(_tree_lines(effects, len(causes) + 1))
    if budget[0] <= 0:
        lines.append(f"(cut after {TREE_EVENTS_MAX} events)")
    data = {"event": event_data(found), "causes": [event_data(one) for one in causes], "effects": _tree_data(effects)}
    door.answer(data, "\n".join(lines))


Tree = list[tuple[Recorded, "Tree"]]


async def _effects(store: Store, recorded: Recorded, depth: int, budget: list[int]) -> Tree:
    if depth == 0 or budget[0] <= 0:
        return []
    caused = await store.read_caused(recorded.envelope.id)
    budget[0] -= len(caused)
    return [(one, await _effects(store, one, depth - 1, budget)) for one in caused]


def _tree_lines(tree: Tree, depth: int) -> list[str]:
    lines: list[str] = []
    for recorded, below in tree:
        lines.append(f"{'  ' * depth}{event_line(recorded)}")
        lines.extend(_tree_lines(below, depth + 1))
    return lines


def _tree_data(tree: Tree) -> list[dict[str, Any]]:
    return [event_data(recorded) | {"effects": _tree_data(below)} for recorded, below in tree]


async def _find(store: Store, text: str) -> Recorded:
    """An event by sequence or id. Raises NotFound, Invalid."""
    if text.isdecimal():
        seq = min(int(text), SEQ_MAX)
        page = await store.read(seq - 1, seq, 1)
        found = page[0] if page else None
    else:
        try:
            found = await store.find(UUID(text))
        except ValueError:
            raise Invalid(
                f"{text!r} is no event.", hint="Give its id or its sequence; `aura events` shows both."
            ) from None
    if found is None:
        raise NotFound(f"There is no event {text}.", hint="`aura events` lists them.")
    return found


async def show_state(settings: Settings, door: Door, view: str, as_of: str) -> None:
    """A view's rows as of a moment."""
    name, _, table = view.partition(".")
    projection = _projection(name)
    kinds = {kind.table: kind for kind in projection.tables}
    if table and table not in kinds:
        raise NotFound(f"{name} has no table {table}.", hint=f"It has: {', '.join(kinds)}.")
    async with archive(settings) as store:
        up_to = await _sequence(store, as_of) if as_of else await store.recorded_up_to()
        rows, seq = await replay.state(store, projection, up_to)
    shown = {
        kind: [msgspec.to_builtins(found[key]) for key in sorted(found)]
        for kind, found in rows.snapshot().items()
        if not table or kind == table
    }
    lines = [f"{name} as of event {seq}"]
    for kind, found in shown.items():
        lines.append(f"\n{kind}: {len(found)} rows")
        lines.extend("  " + ", ".join(f"{key}={value}" for key, value in row.items()) for row in found)
    door.answer({"view": name, "as_of": seq, "tables": shown}, "\n".join(lines))


async def _sequence(store: Store, as_of: str) -> int:
    """The last sequence at a moment. Raises Invalid."""
    if as_of.isdecimal():
        return min(int(as_of), SEQ_MAX)
    try:
        moment = datetime.fromisoformat(as_of)
    except ValueError:
        raise Invalid(f"{as_of!r} is neither a sequence nor a time.", hint="Write 120 or 2026-01-31T12:00.") from None
    at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000_000
    after, last = 0, 0
    while page := await store.read(after, limit=PAGE_EVENTS):
        for recorded in page:
            if recorded.envelope.occurred_at <= at:
                last = recorded.seq
        after = page[-1].seq
    return last


def _projection(name: str) -> Projection:
    make = CONSUMERS.get(name)
    if make is None:
        raise NotFound(f"There is no projection {name!r}.", hint=f"There are: {', '.join(CONSUMERS)}.")
    return make()


async def checked_replay(settings: Settings) -> replay.Checked:
    """Every projection rebuilt from the event store and compared with its live rows."""
    async with archive(settings) as store:
        return await replay.check(store, [make() for make in CONSUMERS.values()])


async def check_replay(settings: Settings, door: Door) -> None:
    """Compare every projection with its rebuild. Raises Differs (exit 6) naming table and key."""
    checked = await checked_replay(settings)
    if checked.differences:
        if not door.as_json:
            for difference in checked.differences[:50]:
                door.say(str(difference))
        door.fail(differs(checked), msgspec.to_builtins(checked))
    door.answer(msgspec.to_builtins(checked), equal_text(checked))


def equal_text(checked: replay.Checked) -> str:
    return f"Equal: {checked.rows} rows in {checked.tables} tables, rebuilt from {checked.events} events."


def differs(checked: replay.Checked) -> Differs:
    """The error of a check that found differences."""
    message = f"{len(checked.differences)} differences; the first: {checked.differences[0]}."
    return Differs(message, hint="`aura replay PROJECTION` rebuilds one from the log.")


async def digest_replay(settings: Settings, door: Door, to: int) -> None:
    """Rebuild to a sequence and show each table's digest: what two machines can compare."""
    digests: dict[str, dict[str, str]] = {}
    async with archive(settings) as store:
        last = await store.recorded_up_to()
        if to > last:
            raise NotFound(f"There is no event {to}: the log ends at {last}.", hint="Write a sequence up to that.")
        for name in CONSUMERS:
            rows, _ = await replay.state(store, _projection(name), to)
            digests[name] = replay.digests(rows)
    lines = [(f"{name}.{table}", digest) for name, found in digests.items() for table, digest in found.items()]
    door.answer({"to": to, "digests": digests}, show.table(("table", f"digest as of event {to}"), lines))


async def rebuild_projection(settings: Settings, door: Door, name: str) -> None:
    """Rebuild one projection and put it in the place of the live one."""
    if not name:
        raise Invalid("Which projection?", hint=f"One of {', '.join(CONSUMERS)}, or --check for all.")
    projection = _projection(name)
    async with archive(settings) as store:
        seq = await replay.rebuild(store, projection, lambda done, last: door.note(f"{done} of {last} events"))
    door.answer({"projection": name, "seq": seq}, f"Rebuilt {name} from {seq} events.")
