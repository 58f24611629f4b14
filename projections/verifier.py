"""The verifier's read model: the folds of open runs, and the trees that wait for a verdict."""

from typing import ClassVar
from uuid import UUID

from bus.projection_rows import Row, Rows
from bus.row_form import id_key
from domain import organisation, run_messages, task
from domain.message import OF_RUNS, ORGANISATION, Recorded, RunEvent, TaskEvent
from projections.halts import HaltedOrganisation, put_halt
from projections.openrun import OPEN_TABLES, drop_state, moved_by_event, put_state

MERGED = "merged"
"""The key of a run's merged tree among the pending verdicts. The key of a task's tree is the task's id."""


_OF_ORGANISATION = (
    organisation.LimitAccepted,
    organisation.LimitWithdrawn,
    organisation.Halted,
    organisation.Resumed,
)
"""The events of the organisation that change rows."""


class Pending(Row, frozen=True, kw_only=True):
    """A tree that waits for its verdict. `cause`: the event that handed it in. It defines the verdict's id and seed."""

    table = "pending"
    of_runs = True
    resident = True
    cause: UUID
    tree: str
    employee: UUID | None
    order_id: UUID | None


class AcceptedLimit(Row, frozen=True, kw_only=True):
    """A limit that the boxes of a machine need not hold. The scope is the organisation. The key: machine and limit."""

    table = "accepted_limit"
    resident = True
    machine: str
    limit_name: str


def accepted_on(rows: Rows, machine: str) -> frozenset[str]:
    """Return the limits that the boxes of this machine need not hold."""
    return frozenset(row.limit_name for row in rows.all(AcceptedLimit) if row.machine == machine)


class VerifierProjection:
    """Turns events of runs, and events about accepted limits, into the verifier's rows."""

    name = "verifier"
    tables: ClassVar[tuple[type[Row], ...]] = (*OPEN_TABLES, Pending, AcceptedLimit, HaltedOrganisation)
    reads: ClassVar[tuple[type, ...]] = (*OF_RUNS, *_OF_ORGANISATION)

    def apply(self, recorded: Recorded, rows: Rows) -> None:
        event = recorded.event
        if not isinstance(event, OF_RUNS):
            put_halt(recorded, rows)
            if isinstance(event, organisation.LimitAccepted | organisation.LimitWithdrawn):
                _limit(event, rows)
            return
        if isinstance(event, run_messages.Ended):
            drop_state(event.run, rows)
            rows.drop_scope(Pending, event.run)
            return
        moved = moved_by_event(event, rows)
        if moved.row is None and not isinstance(event, run_messages.Submitted):
            return  # a receipt that came after the run's end
        put_state(event, moved, recorded.envelope.id, rows)
        self._pending(recorded.envelope.id, event, rows)

    def _pending(self, cause: UUID, event: RunEvent | TaskEvent, rows: Rows) -> None:
        match event:
            case task.Submitted(run=scope, task=key, tree=tree, employee=employee, order=order):
                rows.put(
                    Pending(scope=scope, key=id_key(key), cause=cause, tree=tree, employee=employee, order_id=order)
                )
            case task.Verified(run=scope, task=key) | task.Rejected(run=scope, task=key):
                rows.drop(Pending, scope, id_key(key))
            case run_messages.Merged(run=scope, tree=tree):
                rows.put(Pending(scope=scope, key=MERGED, cause=cause, tree=tree, employee=None, order_id=None))
            case run_messages.Verified(run=scope) | run_messages.Rejected(run=scope):
                rows.drop(Pending, scope, MERGED)


def _limit(event: organisation.LimitAccepted | organisation.LimitWithdrawn, rows: Rows) -> None:
    key = f"{event.machine} {event.limit}"
    if isinstance(event, organisation.LimitWithdrawn):
        rows.drop(AcceptedLimit, ORGANISATION, key)
    else:
        rows.put(AcceptedLimit(scope=ORGANISATION, key=key, machine=event.machine, limit_name=event.limit))
