"""The employees that a submission names: only they may do the work of its run."""

from collections.abc import Sequence
from uuid import UUID

from director.services.session import desk, find_employee
from director.services.views import PEOPLE
from director.settings import Settings
from domain.errors import Refused


async def named_staff(settings: Settings, names: Sequence[str]) -> tuple[UUID, ...]:
    """Return the ids of employees, each given by its name or the beginning of its id. Opens the log only if needed.

    Raises NotFound for an unknown employee, and Refused for an employee that is suspended or dismissed.
    """
    if not names:
        return ()
    async with desk(settings) as opened:
        employees = [await find_employee(opened.store, name) for name in names]
        people = {person.employee: person for person in await PEOPLE.read(opened.store)}
    for employee in employees:
        person = people[employee]
        if person.phase != "working":
            raise Refused(
                f"{person.name} is {person.phase}, so it cannot do the work.",
                hint="Name another employee (`aura employees`), or end a suspension with `aura reinstate`.",
            )
    return tuple(dict.fromkeys(employees))
