"""The whole record of a run, as data."""

from typing import Any

import msgspec

from agents.employees.call_errors import hint_of
from bus.store import Store
from director.services.base_notes import with_notes
from director.services.causes import choices_of
from director.services.estimates import comparison_of
from director.services.left_out import left_out
from director.services.parked import parked_data
from director.services.views import rows


async def run_data(store: Store, run: Any) -> dict[str, Any]:
    """Return the whole record of a run: its line, tasks, attempts with reasons, incidents and parked events.

    `choices`: why the employee of each task was chosen.
    """
    found = await rows(store, "door_run", run)
    return {
        "run": await with_notes(store, found[0]) if found else None,
        "tasks": await rows(store, "door_tasks", run),
        "attempts": await attempts_of(store, run),
        "stand_ins": await rows(store, "door_stand_ins", run),
        "incidents": await rows(store, "door_incidents", run),
        "parked": await parked_data(store, run),
        "left_out": await left_out(store, run),
        "choices": await choices_of(store, run),
        "estimate": await comparison_of(store, run),
    }


async def attempts_of(store: Store, run: Any) -> list[dict[str, Any]]:
    """Return the calls of a run with their findings, oldest first."""
    return [_attempt(row) for row in await rows(store, "door_attempts", run)]


def _attempt(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"findings": msgspec.json.decode(row["findings"]), "hint": hint_of(row["outcome"] or "")}
