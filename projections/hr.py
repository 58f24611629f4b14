"""HR's rows: each employee with its standing, and the record of its strikes."""

from typing import ClassVar
from uuid import UUID

import msgspec
from msgspec.structs import replace

from bus.projection_rows import JsonColumns, Row, Rows
from domain import employee
from domain.message import Recorded

_profile_decoder = msgspec.json.Decoder(employee.Profile)


class Person(Row, frozen=True, kw_only=True):
    """One employee. `phase` is working, suspended or dismissed. Times are microseconds UTC."""

    table = "person"
    json_columns: ClassVar[JsonColumns] = {"profile": _profile_decoder}
    name: str
    provider: str
    model: str
    scripted: bool
    phase: str
    strikes: int
    profile: employee.Profile
    version: UUID  # of the present profile
    hired_at: int
    dismissed_at: int | None


class StrikeRow(Row, frozen=True, kw_only=True):
    """One line of an employee's record. The key is the event's id. `kind`: warned, suspended, reinstated, dismissed or
    renamed. For a renaming, `reason` is the former name."""

    table = "strike"
    kind: str
    reason: str
    at: int


class HRProjection:
    """Folds events of employees into HR's rows."""

    name = "hr"
    tables = (Person, StrikeRow)
    reads = (employee.EmployeeEvent,)

    def apply(self, recorded: Recorded, rows: Rows) -> None:
        event, at = recorded.event, recorded.envelope.occurred_at
        if not isinstance(event, employee.EmployeeEvent):
            return
        person = rows.get(Person, event.employee, "employee")
        if isinstance(event, employee.Hired):
            rows.put(_hired(event, person, at))
        elif person is not None:
            _changed(recorded, event, person, rows)


def _hired(event: employee.Hired, person: Person | None, at: int) -> Person:
    profile = event.profile
    return Person(
        scope=event.employee,
        key="employee",
        name=profile.name,
        provider=profile.provider,
        model=profile.model,
        scripted=profile.scripted,
        phase=person.phase if person else "working",
        strikes=person.strikes if person else 0,
        profile=profile,
        version=employee.version_of(profile),
        hired_at=person.hired_at if person else at,
        dismissed_at=person.dismissed_at if person else None,
    )


def _changed(recorded: Recorded, event: employee.EmployeeEvent, person: Person, rows: Rows) -> None:
    """Put a change of standing or name into the person's row, and add a line to its record."""
    at = recorded.envelope.occurred_at
    match event:
        case employee.Warned(reason=reason):
            kind, after = "warned", replace(person, strikes=person.strikes + 1)
        case employee.Suspended(reason=reason, incident=incident):
            strikes = person.strikes + (incident is not None)
            kind, after = "suspended", replace(person, phase="suspended", strikes=strikes)
        case employee.Reinstated(reason=reason):
            kind, after = "reinstated", replace(person, phase="working", strikes=0)
        case employee.Dismissed(reason=reason):
            kind, after = "dismissed", replace(person, phase="dismissed", dismissed_at=at)
        case employee.Renamed(name=name):
            profile = replace(person.profile, name=name)
            kind, reason = "renamed", f"was {person.name}"
            after = replace(person, name=name, profile=profile)
        case _:
            return
    rows.put(after)
    rows.put(StrikeRow(scope=person.scope, key=str(recorded.envelope.id), kind=kind, reason=reason, at=at))
