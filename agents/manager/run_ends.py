"""The commands at the end of a run: its end, the end of a shadow run, and the return of its unspent budget."""

from collections.abc import Iterator
from uuid import UUID

from bus.projection import Cause
from bus.projection_rows import Rows
from domain import fund_messages, organisation, run_acts, run_messages, shadow, task
from domain.message import RunEvent, TaskEvent
from domain.money import Amount
from domain.run import RunState
from projections import manager as manager_view
from projections.openrun import RUN_KEY, OpenRun, state_of


def end(run: UUID, outcome: run_messages.Outcome, reason: str, cause: Cause) -> run_messages.End:
    """Return the command that ends a run with an outcome and a reason."""
    return run_messages.End(**cause.fields("manager.end"), run=run, outcome=outcome, reason=reason)


def end_released(run: UUID, rows: Rows, place: str, cause: Cause) -> run_messages.End:
    """Return the command that ends a released run. An override never ends as delivered."""
    state = state_of(rows, run)
    override = state.override if state is not None else None
    if override is None:
        return end(run, "delivered", f"Approved and released{place}.", cause)
    reason = f"Work of run {override.of} was released{place} without a verdict: {override.reason}"
    return end(run, run_acts.OUTCOME, reason, cause)


def end_shadow(run: UUID, state: RunState, cause: Cause) -> Iterator[run_messages.End]:
    """Yield the command that ends a shadow run whose task is verified."""
    repeated = state.submitted.shadow if state.submitted is not None else None
    if repeated is not None and shadow.is_done(repeated, state.phase, state.tasks):
        done = f"of run {repeated.run} was done again and verified" if repeated.run else "was verified in a shadow run"
        reason = f"Task {repeated.name} {done}. Nothing is delivered."
        yield end(run, "shadow", reason, cause)


def follow_up(event: RunEvent | TaskEvent, rows: Rows, cause: Cause) -> Iterator[run_messages.End]:
    """Yield the end of a shadow run after the verdict that verified its task."""
    if isinstance(event, task.Verified) and (state := state_of(rows, event.run)) is not None:
        yield from end_shadow(event.run, state, cause)


def settle(run: UUID, rows: Rows, cause: Cause) -> Iterator[organisation.SettleBudget | fund_messages.ReturnTranche]:
    """Yield the commands that give an ended run's tranches and its unspent budget back to the organisation. They are
    sent only after the last open call of the run has ended.
    """
    line = rows.get(manager_view.RunRow, run, RUN_KEY)
    if line is not None and line.phase == "ended" and rows.get(OpenRun, run, RUN_KEY) is None:
        if next(iter(rows.of(manager_view.TrancheRow, run)), None) is not None:
            yield fund_messages.ReturnTranche(**cause.fields("manager.return"), run=run)
        spent = Amount(line.spent_usd, line.spent_tokens)
        yield organisation.SettleBudget(**cause.fields("manager.settle"), run=run, spent=spent)
