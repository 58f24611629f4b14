"""The importance of events for a reader: what a person wants to see at once, and what only matters in detail."""

from collections.abc import Mapping, Sequence
from typing import Literal

from domain.registry import EVENTS

Importance = Literal["high", "normal", "low"]
ALIEN = "alien"
"""The type under which the store keeps a message that is not an event."""
LEVELS: tuple[Importance, ...] = ("high", "normal", "low")

LOW = frozenset(
    {
        "organisation.budget_reserved",
        "organisation.budget_settled",
        "organisation.tranche_lent",
        "organisation.tranche_returned",
        "run.tranche_received",
        "run.tranche_returned",
        "run.admitted",
        "run.delivery_started",
        "task.call_started",
        "task.call_finished",
        "task.released",
    }
)
"""Events that belong to a larger step."""
NORMAL = frozenset(
    {
        "run.submitted",
        "run.planned",
        "run.merged",
        "run.verified",
        "run.delivered",
        "run.released",
        "task.assigned",
        "task.attempt_ended",
        "task.submitted",
        "task.verified",
        "task.rejected",
        "employee.promoted",
        "employee.placed",
        "employee.renamed",
        "employee.reviewer_checked",
        "incident.lapsed",
    }
)
"""The steps of the work."""


def importance_of(type: str) -> Importance:
    """Return the importance of an event. A type that is in neither set above is high, so that nothing new is hidden."""
    return "low" if type in LOW else "normal" if type in NORMAL else "high"


BY_LEVEL: Mapping[Importance, Sequence[str]] = {
    level: tuple(type for type in (*EVENTS, ALIEN) if importance_of(type) == level) for level in LEVELS
}
"""Importance -> its types of events."""


def types_at_least(level: Importance) -> list[str]:
    """Return the types with this importance or a higher one."""
    return [type for each in LEVELS[: LEVELS.index(level) + 1] for type in BY_LEVEL[each]]
