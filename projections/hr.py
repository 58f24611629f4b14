"""HR's personnel file: who is on the staff, in which standing, with which strikes."""

from typing import ClassVar

import msgspec
from msgspec.structs import replace

from bus.projection_rows import JsonColumns, Row, Rows
from domain import employee
from domain.message import Recorded


class Person(Row, frozen=True, kw_only=True):
    """One employee. `profile`: JSON; times: microseconds UTC."""

    table = "person"
    json_columns: ClassVar[JsonColumns] = {"profile": employee.Profile}
    name: str
    provider: str
    model: str
    scripted: bool
    phase: str
    strikes: int
    profile: str
    hired_at: int


class StrikeRow(Row, frozen=True, kw_only=True):
    """One warning or suspension; the key is the event's id."""

    table = "strike"
    kind: str
    reason: str
    at: int


class HRProjection:
    """Events of employees to HR's rows."""

    name = "hr"
    tables = (Person, StrikeRow)

    def apply(self, recorded: Recorded, rows: Rows) -> None:
        event, at = recorded.event, recorded.envelope.occurred_at
        if not isinstance(event, employee.EmployeeEvent):
            return
        scope = event.employee
        person = rows.get(Person, scope, "employee")
        match event:
            case employee.Hired(profile=profile):
                rows.put(
                    Person(
                        scope=scope,
                        key="employee",
                        name=profile.name,
                        provider=profile.provider,
                        model=profile.model,
                        scripted=profile.scripted,
                        phase=person.phase if person else "working",
                        strikes=person.strikes if person else 0,
                        profile=msgspec.json.encode(profile, order="sorted").decode(),
                        hired_at=person.hired_at if person else at,
                    )
                )
            case employee.Warned(reason=reason) if person:
                rows.put(replace(person, strikes=person.strikes + 1))
                rows.put(StrikeRow(scope=scope, key=str(recorded.envelope.id), kind="warned", reason=reason, at=at))
            case employee.Suspended(reason=reason, incident=incident) if person:
                rows.put(replace(person, phase="suspended", strikes=person.strikes + (incident is not None)))
                rows.put(StrikeRow(scope=scope, key=str(recorded.envelope.id), kind="suspended", reason=reason, at=at))
            case employee.Reinstated(reason=reason) if person:
                rows.put(replace(person, phase="working", strikes=0))
                rows.put(StrikeRow(scope=scope, key=str(recorded.envelope.id), kind="reinstated", reason=reason, at=at))
