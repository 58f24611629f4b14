"""The whole record of one employee: standing, scorecard with the events behind each number, costs, incidents."""

from uuid import UUID

import msgspec

from bus.store import Store
from director.services.incidents import Wanted, incidents_page
from director.services.page_views import DAY_COSTS, WORK_NOW, DayCost, WorkNow
from director.services.scorecard_views import SCORED_ATTEMPTS
from director.services.scorecards import Scorecard, scorecard_in
from director.services.session import find_employee
from director.services.views import PEOPLE, RECORD, IncidentLine, Person, RecordLine
from director.settings import Settings
from domain.errors import NotFound

ATTEMPTS_MAX = 100
INCIDENTS_MAX = 20


class ShortAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One of the last attempts. `event`: the event that ended it, or that began it."""

    outcome: str
    skill: str
    event: UUID


class EmployeeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The record of an employee. `attempts`: the last ones, the newest first. `days`: its costs, the oldest day first.

    `incidents`: at most INCIDENTS_MAX, the newest first.
    """

    person: Person
    scorecard: Scorecard
    attempts: tuple[ShortAttempt, ...]
    work: tuple[WorkNow, ...]
    record: tuple[RecordLine, ...]
    incidents: tuple[IncidentLine, ...]
    days: tuple[DayCost, ...]


async def employee_record(store: Store, settings: Settings, who: str) -> EmployeeRecord:
    """Return the record of an employee, found by its name, its id or the beginning of its id. Raises NotFound."""
    employee = await find_employee(store, who)
    person = next((each for each in await PEOPLE.read(store) if each.employee == employee), None)
    if person is None:
        raise NotFound(f"There is no employee {who!r}.", hint="`aura employees` lists the staff.")
    attempts = await SCORED_ATTEMPTS.read(store, employee)
    return EmployeeRecord(
        person=person,
        scorecard=await scorecard_in(store, settings, employee, events=True),
        attempts=tuple(
            ShortAttempt(outcome=line.outcome, skill=line.skill, event=line.ended or line.assigned)
            for line in attempts[:ATTEMPTS_MAX]
        ),
        work=tuple(line for line in await WORK_NOW.read(store) if line.employee == employee),
        record=tuple(line for line in await RECORD.read(store) if line.employee == employee),
        incidents=(await incidents_page(store, Wanted(employee=str(employee)), limit=INCIDENTS_MAX)).incidents,
        days=tuple(await DAY_COSTS.read(store, 0, employee)),
    )
