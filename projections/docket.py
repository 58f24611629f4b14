"""The verifier's docket: the open runs' folds, and what waits for a verdict."""

from uuid import UUID

import msgspec

from bus.rows import Row, Rows
from domain import run, run_messages, task
from domain.message import Recorded, RunEvent, TaskEvent
from domain.run import RunState

MERGED = "merged"
"""The key of a run's merged tree among its pending verdicts; a task's is its id."""


class OpenRun(Row, frozen=True, kw_only=True):
    """A run that has not ended. `state`: the domain's fold of it, as JSON."""

    table = "open_run"
    resident = True
    state: str


class Pending(Row, frozen=True, kw_only=True):
    """A tree that waits for its verdict. `cause`: the event that handed it in; the verdict's command and seed follow from it."""

    table = "pending"
    resident = True
    cause: UUID
    tree: str
    employee: UUID | None
    order_id: UUID | None


_state = msgspec.json.Decoder(RunState)


def open_state(row: OpenRun) -> RunState:
    """The fold that the row holds."""
    return _state.decode(row.state)


class Docket:
    """Events of runs to the verifier's rows."""

    name = "verifier"
    tables = (OpenRun, Pending)

    def apply(self, recorded: Recorded, rows: Rows) -> None:
        event = recorded.event
        if not isinstance(event, RunEvent | TaskEvent):
            return
        if isinstance(event, run_messages.Ended):
            rows.drop_scope(OpenRun, event.run)
            rows.drop_scope(Pending, event.run)
            return
        row = rows.get(OpenRun, event.run, "run")
        if row is None and not isinstance(event, run_messages.Submitted):
            return  # a receipt after the run's end
        state = run.evolve(open_state(row) if row else run.initial, event)
        text = msgspec.json.encode(state).decode()  # dicts keep their order: that of the plan
        rows.put(OpenRun(scope=event.run, key="run", state=text))
        self._pending(recorded.envelope.id, event, rows)

    def _pending(self, cause: UUID, event: RunEvent | TaskEvent, rows: Rows) -> None:
        match event:
            case task.Submitted(run=scope, task=key, tree=tree, employee=employee, order=order):
                rows.put(Pending(scope=scope, key=str(key), cause=cause, tree=tree, employee=employee, order_id=order))
            case task.Verified(run=scope, task=key) | task.Rejected(run=scope, task=key):
                rows.drop(Pending, scope, str(key))
            case run_messages.Merged(run=scope, tree=tree):
                rows.put(Pending(scope=scope, key=MERGED, cause=cause, tree=tree, employee=None, order_id=None))
            case run_messages.Verified(run=scope) | run_messages.Rejected(run=scope):
                rows.drop(Pending, scope, MERGED)
