"""The manager's rows about fallback chains: the chain of each role, and the employees that did not get an order."""

from collections.abc import Callable
from typing import ClassVar, NamedTuple
from uuid import UUID

import msgspec

from bus.projection_rows import JsonColumns, Row, Rows
from domain.fallback import ROLES, PassedOver, cannot_do, role_of
from domain.message import ORGANISATION
from domain.organisation import FallbackSet, WorkRole
from domain.run import RunState
from domain.task import Assigned, TaskState

_employees_decoder = msgspec.json.Decoder(tuple[UUID, ...])


class FallbackRow(Row, frozen=True, kw_only=True):
    """The fallback chain of one role. The scope is the organisation, the key is the role."""

    table = "fallback"
    resident = True
    json_columns: ClassVar[JsonColumns] = {"employees": _employees_decoder}
    employees: tuple[UUID, ...]


class StandInRow(Row, frozen=True, kw_only=True):
    """An employee of a fallback chain that did not get an order. The key: the order, and the employee's place.

    `employee`: the one that got the order. `passed_over`: the one that did not. `reason`: one of PassedOver.
    """

    table = "stand_in"
    of_runs = True
    order_id: UUID
    task_name: str
    attempt: int
    employee: UUID
    passed_over: UUID
    reason: str


def fallback_chains(rows: Rows) -> dict[WorkRole, tuple[UUID, ...]]:
    """Return the fallback chain of each role that has one."""
    found = ((role, rows.get(FallbackRow, ORGANISATION, role)) for role in ROLES)
    return {role: row.employees for role, row in found if row is not None}


def put_chain(event: FallbackSet, rows: Rows) -> None:
    """Write the chain of a role, or drop the row if there is no chain any more."""
    if not event.employees:
        rows.drop(FallbackRow, ORGANISATION, event.role)
        return
    rows.put(FallbackRow(scope=ORGANISATION, key=event.role, employees=event.employees))


class Candidate(NamedTuple):
    """An employee of a chain at the time of a choice. `rests`: its rest after a fault had not ended."""

    suspended: bool
    priced: bool
    rests: bool
    model: str


def put_stand_ins(event: Assigned, state: RunState, rows: Rows, candidate: Callable[[UUID], Candidate | None]) -> None:
    """Note the employees that come before the chosen one in its chain, and why each of them did not get the order.

    `candidate` returns an employee as it was then, or None if it was dismissed.
    """
    part = state.tasks.get(event.task)
    chain = fallback_chains(rows).get(role_of(part), ()) if part is not None else ()
    if part is None or event.employee not in chain:
        return
    for place, who in enumerate(chain[: chain.index(event.employee)]):
        rows.put(
            StandInRow(
                scope=event.run,
                key=f"{event.order} {place:02}",
                order_id=event.order,
                task_name=part.name,
                attempt=event.attempt,
                employee=event.employee,
                passed_over=who,
                reason=_why(part, who, state, candidate(who)),
            )
        )


def _why(part: TaskState, who: UUID, state: RunState, candidate: Candidate | None) -> PassedOver:
    if candidate is None:
        return "dismissed"
    if candidate.suspended:
        return "suspended"
    if not candidate.priced:
        return "no_price"
    if candidate.rests:
        return "resting"
    assert state.submitted is not None
    return cannot_do(part, who, candidate.model, state.tasks.values(), state.submitted.attempts_max) or "other"
