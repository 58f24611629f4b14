"""Behind state and replay: views rebuilt from the log, with NATS or without."""

import msgspec

from bus.projection import Projection
from bus.store import Store
from director.services.session import archive
from director.services.times import SEQ_MAX, microseconds
from director.settings import Settings
from director.terminal.output import Door
from director.terminal.text import table
from domain.errors import Differs, Invalid, NotFound
from projections import replay
from runtime.roles import CONSUMERS, HEAR_AGAIN

PAGE_EVENTS = 1000


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
    at = microseconds(as_of)
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
    lines = [(f"{name}.{view}", digest) for name, found in digests.items() for view, digest in found.items()]
    door.answer({"to": to, "digests": digests}, table(("table", f"digest as of event {to}"), lines))


async def rebuild_projection(settings: Settings, door: Door, name: str) -> None:
    """Rebuild one projection and put it in the place of the live one."""
    if not name:
        raise Invalid("Which projection?", hint=f"One of {', '.join(CONSUMERS)}, or --check for all.")
    projection = _projection(name)
    async with archive(settings) as store:
        seq = await replay.rebuild(
            store,
            projection,
            lambda done, last: door.note(f"{done} of {last} events"),
            react_again=name in HEAR_AGAIN,
        )
    door.answer({"projection": name, "seq": seq}, f"Rebuilt {name} from {seq} events.")
