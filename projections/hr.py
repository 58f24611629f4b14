"""HR's rows: each employee with its standing, the record of its strikes, and the blacklisted versions."""

from typing import ClassVar
from uuid import UUID

import msgspec
from msgspec.structs import replace

from bus.projection_rows import JsonColumns, Row, Rows
from domain import employee, organisation
from domain.employee import EmployeeState
from domain.message import Recorded

PERSON_KEY, BLACKLIST_KEY = "employee", "version"
_profile_decoder = msgspec.json.Decoder(employee.Profile)
_state_decoder = msgspec.json.Decoder(EmployeeState)


class Person(Row, frozen=True, kw_only=True):
    """One employee. `phase` is working, suspended or dismissed. Times are microseconds UTC.

    `strikes`: the number that counts. `reversed`: the number of reversed strikes. `until`: the end of the suspension.
    `probation`: it is on probation. `tier`: empty without a career. `appeals`: the number of open appeals.
    `rehire_from`: the time before which nobody may hire it again. `state`: the fold of its events, without the profile.
    """

    table = "person"
    resident = True
    indexed = "phase"
    json_columns: ClassVar[JsonColumns] = {"profile": _profile_decoder, "state": _state_decoder}
    name: str
    provider: str
    model: str
    scripted: bool
    phase: str
    strikes: int
    reversed: int
    until: int | None
    probation: bool
    tier: str
    appeals: int
    rehire_from: int | None
    profile: employee.Profile
    version: UUID  # of the present profile
    hired_at: int
    dismissed_at: int | None
    state: EmployeeState


class StrikeRow(Row, frozen=True, kw_only=True):
    """One line of an employee's record. The key is the event's id. For a renaming, `reason` is the former name.

    `kind`: warned, suspended, reinstated, dismissed, rehired, promoted, demoted, placed, fined, appealed,
    appeal_granted, appeal_denied or renamed.
    `incident`: the incident of a strike or an appeal. `step`: the number of the strike, from 1. `reversed`: a granted
    appeal has reversed this strike. `until`: the end of a suspension. `rule`, `rules_version`: see the events.
    """

    table = "strike"
    kind: str
    reason: str
    at: int
    incident: UUID | None = None
    step: int | None = None
    reversed: bool = False
    until: int | None = None
    rule: str = ""
    rules_version: str = ""


class BlacklistRow(Row, frozen=True, kw_only=True):
    """A blacklisted version. The scope is the version's id."""

    table = "blacklist"
    resident = True
    reason: str
    at: int


class HRProjection:
    """Folds events of employees and of the blacklist into HR's rows."""

    name = "hr"
    tables: ClassVar[tuple[type[Row], ...]] = (Person, StrikeRow, BlacklistRow)
    reads = (employee.EmployeeEvent, organisation.VersionBlacklisted, organisation.VersionCleared)

    def apply(self, recorded: Recorded, rows: Rows) -> None:
        event, at = recorded.event, recorded.envelope.occurred_at
        match event:
            case organisation.VersionBlacklisted(employee_version=version, reason=reason):
                rows.put(BlacklistRow(scope=version, key=BLACKLIST_KEY, reason=reason, at=at))
            case organisation.VersionCleared(employee_version=version):
                rows.drop(BlacklistRow, version, BLACKLIST_KEY)
            case employee.EmployeeEvent():
                _of_employee(recorded, event, rows)


def _of_employee(recorded: Recorded, event: employee.EmployeeEvent, rows: Rows) -> None:
    person = rows.get(Person, event.employee, PERSON_KEY)
    if person is None and not isinstance(event, employee.Hired):
        return
    before = replace(person.state, profile=person.profile) if person is not None else employee.initial
    state = employee.evolve(before, event)
    at = recorded.envelope.occurred_at
    rows.put(_person(event, state, person, at))
    line = _line(event, state, before)
    if line is not None:
        rows.put(replace(line, key=str(recorded.envelope.id), at=at))
    if isinstance(event, employee.AppealDecided) and event.granted:
        for strike in rows.of(StrikeRow, event.employee):
            if strike.incident == event.incident and strike.step is not None:
                rows.put(replace(strike, reversed=True))


def _person(event: employee.EmployeeEvent, state: EmployeeState, person: Person | None, at: int) -> Person:
    profile = state.profile
    assert profile is not None
    dismissed_at = person.dismissed_at if person is not None else None
    if isinstance(event, employee.Dismissed):
        dismissed_at = at
    elif isinstance(event, employee.Rehired):
        dismissed_at = None
    return Person(
        scope=event.employee,
        key=PERSON_KEY,
        name=profile.name,
        provider=profile.provider,
        model=profile.model,
        scripted=profile.scripted,
        phase=state.phase,
        strikes=len(state.strikes),
        reversed=len(state.reversed),
        until=state.until if state.phase == "suspended" else None,
        probation=state.probation,
        tier=state.tier or "",
        appeals=sum(appeal.open for appeal in state.appeals.values()),
        rehire_from=state.end.rehire_from if state.end is not None else None,
        profile=profile,
        version=employee.version_of(profile),
        hired_at=person.hired_at if person is not None else at,
        dismissed_at=dismissed_at,
        state=replace(state, profile=None),
    )


def _line(event: employee.EmployeeEvent, state: EmployeeState, before: EmployeeState) -> StrikeRow | None:
    """Return the line of the record for an event, without its key and time; None if the event gives no line."""
    step = len(state.strikes) if len(state.strikes) > len(before.strikes) else None
    line = StrikeRow(scope=event.employee, key="", kind=event.type.partition(".")[2], reason="", at=0, step=step)
    match event:
        case employee.Warned(reason=reason, incident=incident):
            line = replace(line, reason=reason, incident=incident)
        case employee.Suspended(reason=reason, incident=incident, until=until):
            line = replace(line, reason=reason, incident=incident, until=until)
        case employee.Dismissed(reason=reason, incident=incident):
            line = replace(line, reason=reason, incident=incident)
        case employee.Reinstated(reason=reason) | employee.Rehired(reason=reason):
            line = replace(line, reason=reason)
        case employee.TierChanged():
            line = replace(line, reason=f"{event.before} to {event.tier}")
        case employee.Placed(reason=reason):
            line = replace(line, reason=f"{event.before or 'no tier'} to {event.tier}: {reason}")
        case employee.Fined(reason=reason, incident=incident):
            line = replace(line, reason=f"{event.percent}% for {event.tasks} attempts: {reason}", incident=incident)
        case employee.Appealed(grounds=grounds, incident=incident):
            return replace(line, reason=grounds, incident=incident)
        case employee.AppealDecided(reason=reason, incident=incident, granted=granted):
            kind = "appeal_granted" if granted else "appeal_denied"
            return replace(line, kind=kind, reason=reason, incident=incident)
        case employee.Renamed():
            former = before.profile.name if before.profile is not None else ""
            return replace(line, reason=f"was {former}")
        case _:
            return None
    return replace(line, rule=event.rule, rules_version=getattr(event, "rules_version", ""))
