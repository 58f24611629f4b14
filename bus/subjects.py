"""Subjects of events, and the subject filters of a decision."""

from uuid import UUID

from domain.message import Envelope
from domain.registry import Scope

EVENTS_PREFIX = "aura.evt"
ALL_EVENTS = f"{EVENTS_PREFIX}.>"
WORK_PREFIX = "aura.work"
"""Subjects of the work queue: `.order.`, `.result.` and `.permit.`, each with the id of an employee."""
PROBE_PREFIX = "aura.probe"
PROBED_PREFIX = "aura.probed"
"""Subjects of answers to probes: `.<employee>.<random token of the question>`."""
ORGANISATION_FILTER = f"{EVENTS_PREFIX}.organisation.>"
EMPLOYEES_FILTER = f"{EVENTS_PREFIX}.employee.>"


def subject_of(envelope: Envelope) -> str:
    """Return the subject of an event.

    It is `aura.evt.run.<run>[.task.<task>].<event>` for events of a run, otherwise `aura.evt.<entity>.<id>.<event>`.
    """
    name = envelope.type.rpartition(".")[2]
    if envelope.entity == "task":
        return f"{EVENTS_PREFIX}.run.{envelope.run}.task.{envelope.entity_id}.{name}"
    return f"{EVENTS_PREFIX}.{envelope.entity}.{envelope.entity_id}.{name}"


def run_filter(run: UUID) -> str:
    """Return the filter for all events of one run, including its tasks."""
    return f"{EVENTS_PREFIX}.run.{run}.>"


def scope_filter(scope: Scope) -> str:
    """Return the filter that guards a decision in this scope: its publish expects the filter's last sequence."""
    if scope.kind == "task":
        return f"{EVENTS_PREFIX}.run.{scope.run}.task.{scope.id}.>"
    return f"{EVENTS_PREFIX}.{scope.kind}.{scope.id}.>"


def load_filter(scope: Scope) -> str:
    """Return the filter for the events that a decision in this scope folds: for a task, all events of its run."""
    return run_filter(scope.run) if scope.run is not None else scope_filter(scope)
