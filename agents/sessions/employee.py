"""The contract of an employee whose model can work in sessions."""

from typing import Protocol, runtime_checkable

from agents.employees.call_errors import CallFailed
from agents.employees.contract import Employee, Order
from agents.employees.conversation import Model


@runtime_checkable
class SessionEmployee(Employee, Protocol):
    """An employee whose model can work in sessions."""

    def model_for(self, order: Order) -> Model:
        """Return the model of a session of this order."""


def session_model(employee: Employee, order: Order) -> Model:
    """Return the model of a session of this order.

    :raises CallFailed: bad_settings, if the employee cannot work in sessions.
    """
    if not isinstance(employee, SessionEmployee):
        raise CallFailed("bad_settings", f"{employee.name} cannot work in sessions.")
    return employee.model_for(order)
