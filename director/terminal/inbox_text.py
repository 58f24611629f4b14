"""The Director's inbox as text."""

from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

from director.terminal.escape import visible
from director.terminal.estimate_text import comparison_lines
from director.terminal.text import degraded_lines, left_out_text, override_lines, table
from director.terminal.wait_text import waiting_text
from domain.waiting import RunWait


class SevereIncident(Protocol):
    """The part of an incident that the inbox shows."""

    @property
    def incident(self) -> UUID: ...
    @property
    def kind(self) -> str: ...
    @property
    def detail(self) -> str: ...


def inbox_text(
    waiting: Sequence[dict[str, Any]],
    held_up: Sequence[RunWait] = (),
    severe: Sequence[SevereIncident] = (),
    more: Sequence[str] = (),
) -> str:
    """Return the Director's inbox: deliveries with notes on their bases, runs that need a person, severe incidents,
    and more texts.
    """
    others = [waiting_text(held_up)] if held_up else []
    if severe:
        lines_of = [f"severe incident {line.kind}: {visible(line.detail)}" for line in severe]
        shows = [f"  aura incidents show {line.incident}" for line in severe]
        others.append("\n".join(part for pair in zip(lines_of, shows, strict=True) for part in pair))
    others += more
    if not waiting:
        return "\n\n".join(others) or "Nothing waits for a decision."
    lines = [
        (row["run"], row["title"], str(row["commit_id"])[:12], row["folder"], row["base_short"] or "-")
        for row in waiting
    ]
    said = [(row["run"], _notes(row)) for row in waiting]
    notes = [f"{str(run)[:13]}: {visible(note)}" for run, lines_of_run in said for note in lines_of_run]
    parts = [table(("run", "title", "commit", "folder", "base"), lines), *(["\n".join(notes)] if notes else [])]
    return "\n\n".join([*parts, "aura approve RUN or aura reject RUN --reason …", *others])


def _notes(row: dict[str, Any]) -> list[str]:
    """Return the notes about one delivery: its base, its verdicts, its left-out files, its estimate and the facts."""
    notes = [*override_lines(row), *row["base_notes"], *degraded_lines(row), *left_out_text(row["left_out"])]
    return [*notes, *comparison_lines(row.get("estimate"))]
