"""The base class of the events of an employee."""

from uuid import UUID

from domain.message import Event


class EmployeeEvent(Event, frozen=True, kw_only=True):
    """An event of an employee."""

    employee: UUID

    def entity(self) -> tuple[str, UUID]:
        return "employee", self.employee
