"""HR's reactions: a strike is answered by the ladder of the rules, and a blacklisted version is suspended.

Honest failures have no consequence.
"""

from collections.abc import Iterator, Sequence
from uuid import UUID

from bus.projection import Cause
from bus.projection_rows import Rows
from domain import employee, incident, organisation
from domain.ladder import StrikeRules
from domain.message import Command, Recorded
from projections.hr import BLACKLIST_KEY, PERSON_KEY, BlacklistRow, Person

STARTS_TO_WORK = (employee.Hired, employee.Reinstated, employee.Rehired)
"""Events after which an employee may work. HR then compares its version with the blacklist."""


class HR:
    """HR's reactions. `rules`: the rules of strikes; None: an earlier release's two steps."""

    def __init__(self, rules: StrikeRules | None = None) -> None:
        self._rules = rules

    def react(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        event = recorded.event
        if isinstance(event, incident.Raised):
            return list(self._strike(event, cause))
        if isinstance(event, organisation.VersionBlacklisted):
            return list(_suspend_all(event, rows, cause))
        if isinstance(event, STARTS_TO_WORK):
            return list(_suspend_blacklisted(event.employee, rows, cause))
        return ()

    def react_void(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        del recorded, rows, cause  # a void incident is not a strike
        return ()

    def _strike(self, event: incident.Raised, cause: Cause) -> Iterator[Command]:
        """Yield the answer to a strike. The strike is in the event, and the employee's decider counts the strikes."""
        if event.strike and event.employee is not None:
            yield employee.Strike(
                **cause.fields("hr.strike"),
                employee=event.employee,
                incident=event.incident,
                reason=event.detail,
                rules=self._rules,
            )


def _suspend_all(event: organisation.VersionBlacklisted, rows: Rows, cause: Cause) -> Iterator[Command]:
    for person in rows.all(Person):
        if person.version == event.employee_version and person.phase != "dismissed":
            yield _suspend(person, event.reason, cause)


def _suspend_blacklisted(who: UUID, rows: Rows, cause: Cause) -> Iterator[Command]:
    """Yield a suspension if an employee may work with a version that was blacklisted before."""
    person = rows.get(Person, who, PERSON_KEY)
    listed = rows.get(BlacklistRow, person.version, BLACKLIST_KEY) if person is not None else None
    if person is not None and listed is not None:
        yield _suspend(person, listed.reason, cause)


def _suspend(person: Person, reason: str, cause: Cause) -> employee.SuspendVersion:
    return employee.SuspendVersion(
        **cause.fields("hr.blacklist"),
        employee=person.scope,
        employee_version=person.version,
        reason=f"Its version is blacklisted: {reason}",
    )
