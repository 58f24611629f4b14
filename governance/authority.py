"""The capability matrix: the events that each role may cause. It is the only source of these rights."""

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from domain.tree import digest_of

Role = Literal["director", "manager", "verifier", "auditor", "accountant", "hr", "recorder", "employee"]
ROLES: tuple[Role, ...] = get_args(Role)

_TASK = frozenset(
    {
        "task.assigned",
        "task.call_started",
        "task.call_finished",
        "task.attempt_ended",
        "task.submitted",
        "task.released",
    }
)
_VERDICTS = frozenset({"task.verified", "task.rejected", "run.verified", "run.rejected"})
_RUN = frozenset(
    {
        "run.admitted",
        "run.planned",
        "run.merged",
        "run.delivery_started",
        "run.delivered",
        "run.released",
        "run.ended",
        "organisation.budget_reserved",
        "organisation.budget_settled",
    }
)
_DIRECTOR = frozenset(
    {
        "organisation.founded",
        "organisation.budget_set",
        "organisation.paused",
        "organisation.halted",
        "organisation.resumed",
        "organisation.limit_accepted",
        "organisation.limit_withdrawn",
        "employee.hired",
        "employee.suspended",
        "employee.reinstated",
        "employee.dismissed",
        "employee.renamed",
        "run.submitted",
        "run.returned",
        "run.approved",
        "run.ended",
    }
)
_INCIDENT = frozenset({"incident.raised"})

MATRIX: Mapping[Role, frozenset[str]] = {
    "director": _DIRECTOR,
    "manager": _RUN | _TASK | _INCIDENT,
    "verifier": _VERDICTS | _INCIDENT,
    "auditor": _INCIDENT,
    "accountant": _INCIDENT,
    "hr": frozenset({"employee.warned", "employee.suspended"}) | _INCIDENT,
    "recorder": frozenset(),
    "employee": frozenset(),
}
"""Role -> the events that it may cause. Refusals are not listed: the gate itself causes them."""

POLICY_VERSION = (
    "matrix-" + digest_of(repr(sorted((role, sorted(events)) for role, events in MATRIX.items())).encode())[:12]
)
"""Version of the matrix. Every envelope holds the version that permitted its event."""


def may(role: Role, causes: Iterable[str]) -> bool:
    """Return whether a role may cause all events that a command can cause."""
    return set(causes) <= MATRIX[role]


def permitted(event_type: str) -> tuple[Role, ...]:
    """Return the roles that may cause an event."""
    return tuple(role for role in ROLES if event_type in MATRIX[role])
