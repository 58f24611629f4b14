"""An incident: an anomaly that a person must see. Its id is derived from its cause, so it cannot be raised twice.

open -> acknowledged -> worked -> closed. Steps may be left out, but never go back. A severe incident pauses an employee
or a run until it is closed. Some kinds lapse: the auditor closes them when their cause is gone.
"""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.errors import Invalid, NotFound, Refused
from domain.message import Command, Erased, Event

Kind = Literal[
    "integrity",  # a write outside the scope, tampering, forgery or hard-coding. The employee gets a strike
    "stalled_task",
    "repeated_failure",
    "cost_spike",
    "void_event",
    "parked_event",
    "weak_criteria",  # some mistakes in the accepted code are detected by no case. The requirement is at fault
    "latency_spike",
    "regression",  # the rate of verified work of an employee's version fell
    "stalled_run",
    "stuck_loop",
    "scope_drift",
    "claims_beyond_verdict",
    "never_disagrees",  # a reviewer
    "repeated_refusals",
]
Severity = Literal["minor", "major", "severe"]
Follows = Literal["", "pause_employee", "pause_run"]
Phase = Literal["none", "open", "acknowledged", "worked", "closed"]

SEVERITIES: Mapping[Kind, Severity] = {
    "integrity": "major",
    "stalled_task": "minor",
    "repeated_failure": "minor",
    "cost_spike": "minor",
    "void_event": "minor",
    "parked_event": "major",
    "weak_criteria": "minor",
    "latency_spike": "minor",
    "regression": "severe",
    "stalled_run": "severe",
    "stuck_loop": "minor",
    "scope_drift": "minor",
    "claims_beyond_verdict": "minor",
    "never_disagrees": "minor",
    "repeated_refusals": "major",
}
LAPSES: frozenset[Kind] = frozenset({"regression", "stalled_run"})
"""The kinds that the auditor may close when their cause is gone: a version that works no more, or a run that ended."""
EVIDENCE_MAX = 20
"""The most events that an incident names as evidence."""


class IncidentEvent(Event, frozen=True, kw_only=True):
    """An event of an incident. `run`: the run of the incident, if it has one."""

    incident: UUID
    run: UUID | None = None

    def entity(self) -> tuple[str, UUID]:
        return "incident", self.incident


class Raised(IncidentEvent, frozen=True, kw_only=True):
    """An incident was raised. `strike`: HR must give the employee a strike.

    `rule`: the name of the rule. `evidence`: the ids of events, the newest last. `limits` and `measured`: numbers by
    name; each name ends with its unit, or is a count. `follows`: what is paused until the incident is closed.
    `employee_version`: the version of the employee that the incident is about.
    """

    type = "incident.raised"
    version = 2
    kind: Kind
    detail: str
    strike: bool = False
    task: UUID | None = None
    employee: UUID | None = None
    rule: str = ""
    severity: Severity = "minor"
    evidence: tuple[UUID, ...] = ()
    limits: Mapping[str, int] = {}
    measured: Mapping[str, int] = {}
    follows: Follows = ""
    employee_version: UUID | None = None


class Acknowledged(IncidentEvent, frozen=True, kw_only=True):
    """A person has seen the incident."""

    type = "incident.acknowledged"
    reason: str


class Worked(IncidentEvent, frozen=True, kw_only=True):
    """A person has done something about the incident. `reason` says what."""

    type = "incident.worked"
    reason: str


class Closed(IncidentEvent, frozen=True, kw_only=True):
    """A person has closed the incident. What it paused goes on."""

    type = "incident.closed"
    reason: str


class Lapsed(IncidentEvent, frozen=True, kw_only=True):
    """The auditor has closed the incident, because its cause is gone."""

    type = "incident.lapsed"
    reason: str


class Raise(Command, frozen=True, kw_only=True):
    """`severity` None: the severity of the kind. `rule` empty: the kind is the name of the rule."""

    incident: UUID
    kind: Kind
    detail: str
    strike: bool = False
    run: UUID | None = None
    task: UUID | None = None
    employee: UUID | None = None
    rule: str = ""
    severity: Severity | None = None
    evidence: tuple[UUID, ...] = ()
    limits: Mapping[str, int] = {}
    measured: Mapping[str, int] = {}
    follows: Follows = ""
    employee_version: UUID | None = None


class Acknowledge(Command, frozen=True, kw_only=True):
    incident: UUID
    reason: str


class Work(Command, frozen=True, kw_only=True):
    """Record what was done about an incident."""

    incident: UUID
    reason: str


class Close(Command, frozen=True, kw_only=True):
    incident: UUID
    reason: str


class Lapse(Command, frozen=True, kw_only=True):
    """Close an incident whose cause is gone. Only kinds in LAPSES."""

    incident: UUID
    reason: str


class IncidentState(msgspec.Struct, frozen=True, kw_only=True):
    """`kind` is None if the payload of the incident was purged."""

    phase: Phase = "none"
    kind: Kind | None = None
    run: UUID | None = None

    @property
    def raised(self) -> bool:
        return self.phase != "none"


initial = IncidentState()
_AFTER: Mapping[type[Event], Phase] = {
    Acknowledged: "acknowledged",
    Worked: "worked",
    Closed: "closed",
    Lapsed: "closed",
}
_ORDER: tuple[Phase, ...] = ("open", "acknowledged", "worked", "closed")


def decide(command: Command, state: IncidentState) -> tuple[IncidentEvent, ...]:
    match command:
        case Raise():
            return () if state.raised else (_raised(command),)
        case Acknowledge():
            return _moved(command, state, Acknowledged)
        case Work():
            return _moved(command, state, Worked)
        case Close():
            return _moved(command, state, Closed)
        case Lapse():
            if state.raised and state.kind not in LAPSES:
                raise Refused(
                    f"An incident of the kind {state.kind} does not lapse.",
                    hint=f"Only a person closes it: aura incidents close {command.incident} --reason TEXT",
                )
            return _moved(command, state, Lapsed)
    raise TypeError(f"not a command of an incident: {type(command).__name__}")


def _raised(command: Raise) -> Raised:
    return Raised(
        incident=command.incident,
        kind=command.kind,
        detail=command.detail,
        strike=command.strike,
        run=command.run,
        task=command.task,
        employee=command.employee,
        rule=command.rule or command.kind,
        severity=command.severity or SEVERITIES[command.kind],
        evidence=command.evidence[-EVIDENCE_MAX:],
        limits=command.limits,
        measured=command.measured,
        follows=command.follows,
        employee_version=command.employee_version,
    )


def _moved(
    command: Acknowledge | Work | Close | Lapse,
    state: IncidentState,
    event: type[Acknowledged] | type[Worked] | type[Closed] | type[Lapsed],
) -> tuple[IncidentEvent, ...]:
    """Return the event that moves the incident on. Return nothing if it is there already."""
    if not state.raised:
        raise NotFound(f"There is no incident {command.incident}.", hint="`aura incidents` lists the incidents.")
    if not command.reason.strip():
        raise Invalid("A reason is needed.", hint="Write why: --reason TEXT")
    after = _AFTER[event]
    if state.phase == after:
        return ()
    if _ORDER.index(after) < _ORDER.index(state.phase):
        raise Refused(
            f"Incident {command.incident} is {state.phase} already.",
            hint="An incident never goes back. If it happens again, the auditor raises another one.",
        )
    return (event(incident=command.incident, run=state.run, reason=command.reason),)


def evolve(state: IncidentState, event: Event | Erased) -> IncidentState:
    match event:
        case Raised(kind=kind, run=run):
            return IncidentState(phase="open", kind=kind, run=run)
        case Erased(type=Raised.type, run=run):
            return IncidentState(phase="open", run=run)
        case Erased(type=kind):
            after = next((phase for moved, phase in _AFTER.items() if moved.type == kind), state.phase)
            return replace(state, phase=after)
        case Acknowledged() | Worked() | Closed() | Lapsed():
            return replace(state, phase=_AFTER[type(event)])
    return state
