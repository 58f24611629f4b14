"""The log as text for people: events, causes, views, replays."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from director.services.causes import CAUSES_MAX, TREE_EVENTS_MAX, ChoiceView, Effect, Explanation, ToldEvent
from director.services.events import EventView
from director.services.replay import ReplayDigests
from director.services.state import ViewState
from director.terminal.escape import visible
from director.terminal.text import clock, table
from domain.routing.sentence import percent, usd
from domain.wording import counted
from projections.history_check import Sampled
from projections.replay import Checked

DIFFERENCES_MAX = 50
VALUE_CHARACTERS_MAX = 160


def event_line(event: EventView) -> str:
    """Return an event as one line: sequence, time, role, type, entity, employee, id."""
    envelope = event.envelope
    void = f"  VOID: {event.void}" if event.void else ""
    about = ""
    if envelope.employee and envelope.employee != envelope.entity_id:
        about = f" employee {str(envelope.employee)[:8]}"
    return (
        f"{event.seq:>6}  {clock(envelope.occurred_at)}  {envelope.role:<10} {envelope.type:<28} "
        f"{envelope.entity} {str(envelope.entity_id)[:8]}{about}  {envelope.id}{void}"
    )


def explanation_text(told: Explanation) -> str:
    """Return the causes of an event, the event itself with its values, and the tree of its effects."""
    lines = ["Causes of this event, the first cause first:"]
    if told.causes_cut:
        lines.append(f"  (only the last {CAUSES_MAX} causes)")
    lines.extend(map(_told_line, told.causes))
    if not told.causes:
        lines.append(f"  none in the log: the {told.event.envelope.role} began it")
    lines += ["", "This event:", _told_line(told.event), *_values(told.event)]
    lines += choice_lines(told.choice) if told.choice is not None else []
    lines += ["", "Effects of this event:"]
    lines.extend(_tree_lines(told.effects, 0))
    if not told.effects:
        lines.append("  none")
    if told.effects_cut:
        lines.append(f"  (cut after {TREE_EVENTS_MAX} events)")
    return "\n".join(lines)


def choice_lines(choice: ChoiceView) -> list[str]:
    """Return why an employee was chosen, and a table of the candidates."""
    record, rows = choice.record, []
    for each in choice.candidates:
        marks = [mark for mark, holds in (("chosen", each.employee == choice.chosen), ("busy", each.busy)) if holds]
        drawn = "-" if each.drawn is None else usd(each.drawn)
        handicap = f"{each.handicap}%" if each.handicap else "-"
        cells = (visible(each.name), percent(each.rate), percent(each.rate_now), usd(each.cost), usd(each.reservation))
        rows.append((*cells, drawn, handicap, ", ".join(marks)))
    value = f"strategy {record.strategy}, value {usd(record.value)} (from: {record.value_from}), risk {record.risk}"
    more = [f"and {record.more} more candidates"] if record.more else []
    head = ("employee", "rate", "rate now", "cost", "value of the attempt", "drawn value", "handicap", "")
    failed = f"{record.failed} failed before"
    return ["", "Why this employee:", choice.sentence, f"{value}, {failed}", table(head, rows), *more]


def _told_line(event: ToldEvent) -> str:
    """Return an event as one line: sequence, time, role, type, and its words."""
    envelope = event.envelope
    return (
        f"{event.seq:>6}  {clock(envelope.occurred_at)}  {envelope.role:<10} {envelope.type:<26} {event.words}"
    ).rstrip()


def _values(event: EventView) -> list[str]:
    """Return the event's ids and payload, one value per line."""
    envelope = event.envelope
    values = {
        "id": envelope.id,
        envelope.entity: envelope.entity_id,
        "employee": envelope.employee,
        "principal": envelope.principal,
        "command": envelope.command,
        "void": event.void,
        **msgspec.to_builtins(event.payload),
    }
    lines = [f"        {name:<14} {_short(value)}" for name, value in values.items() if value not in (None, "", [], {})]
    if "judgement" in values:
        lines.append(f"        the whole verdict: aura verdict {event.seq}")
    return lines


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode().strip('"')
    return text if len(text) <= VALUE_CHARACTERS_MAX else f"{text[:VALUE_CHARACTERS_MAX]} … (--json shows all)"


def _tree_lines(effects: Sequence[Effect], depth: int) -> Iterator[str]:
    """Yield a line for each effect. A single effect keeps the indent of its cause; several effects are indented."""
    deeper = depth + 1 if len(effects) > 1 else depth
    for effect in effects:
        yield f"{'  ' * depth}{_told_line(effect)}"
        yield from _tree_lines(effect.effects, deeper)


def state_text(state: ViewState) -> str:
    """Return the rows of a view, table by table."""
    lines = [f"{state.view} as of event {state.as_of}"]
    for name, rows in state.tables.items():
        lines.append(f"\n{name}: {counted(len(rows), 'row')}")
        lines.extend("  " + ", ".join(f"{key}={value}" for key, value in row.items()) for row in rows)
    if state.next is not None:
        lines.append(f"\nMore rows follow: --after {state.next}")
    return "\n".join(lines)


def checked_text(checked: Checked) -> str:
    """Return the result of a check of all projections: each difference, or that there is none."""
    if checked.differences:
        return "\n".join(map(str, checked.differences[:DIFFERENCES_MAX]))
    rows, tables = counted(checked.rows, "row"), counted(checked.tables, "table")
    return f"Equal: {rows} in {tables}, rebuilt from {counted(checked.events, 'event')}."


def sampled_text(sampled: Sampled) -> str:
    """Return the result of a check of the history: each difference, or that there is none."""
    if sampled.differences:
        return "\n".join(map(str, sampled.differences[:DIFFERENCES_MAX]))
    rows, positions = counted(sampled.rows, "row"), counted(len(sampled.positions), "event")
    return f"Equal: {rows} as of {positions} (seed {sampled.seed})."


def digests_text(found: ReplayDigests) -> str:
    """Return a table with the digest of each projection table."""
    lines = [(f"{name}.{view}", digest) for name, views in found.digests.items() for view, digest in views.items()]
    return table(("table", f"digest as of event {found.to}"), lines)
