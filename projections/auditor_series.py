"""The observations that follow from an event of a task."""

from typing import Final

from bus.projection_rows import Rows
from domain import task
from domain.halt import HALTED
from domain.message import Recorded, TaskEvent
from domain.repeats import is_repeat
from projections import auditor_watch as watch
from projections.auditor_attempts import Attempt

CHECKABLE: Final = frozenset({"wrong_result", "did_not_start", "does_not_parse", "stub", "nothing_changed"})
"""Kinds of findings that the author of a session can see before its hand-in, with `aura-check` or by a look."""
MS_PER_S: Final = 1000
US_PER_MS: Final = 1000


def observe_task(recorded: Recorded, event: TaskEvent, row: Attempt, rows: Rows) -> None:
    """Add the observations of an event to the series of the employee's version and of the run. `row`: after the event.

    A fault of a model's server and a lost lease say nothing about an employee, so they are no outcome.
    """
    by, end = recorded.envelope.id, task.end_without_work(event)
    match event:
        case task.CallFinished(snapshot=snapshot, charged=charged, counts=True) if row.form == "answer":
            _spent(row, rows, charged.tokens, round(snapshot.latency_s * MS_PER_S), recorded)
        case task.Submitted(dropped=dropped):
            _end_of_session(row, rows, recorded)
            if row.version is not None:
                watch.observe(
                    rows, event.employee, "drift", int(bool(dropped)), by, version=row.version, against=bool(dropped)
                )
        case task.Verified() | task.Rejected():
            _judged(recorded, event, row, rows)
        case task.Released(reason=reason) if reason != HALTED:
            watch.observe(rows, event.run, "leases", 1, by, against=True)
            before = watch.tried(rows, event.run, event.task, event.employee)
            rows.put(watch.after_failure(before, by))
    if end is not None and end.counts and end.outcome != task.DECLINED:
        _outcome(recorded, event, row, rows, watch.EMPTY)
        if isinstance(event, task.AttemptEnded):
            _end_of_session(row, rows, recorded)
    if end is not None or isinstance(event, task.Submitted):
        rows.drop(watch.Observed, event.run, watch.series_key("leases"))


def _spent(row: Attempt, rows: Rows, tokens: int, time_ms: int, recorded: Recorded) -> None:
    if row.version is not None:
        by = recorded.envelope.id
        watch.observe(rows, row.employee, "tokens", tokens, by, version=row.version)
        watch.observe(rows, row.employee, "time_ms", time_ms, by, version=row.version)


def _end_of_session(row: Attempt, rows: Rows, recorded: Recorded) -> None:
    """Add tokens and time of a whole session. Its single calls are not comparable, because they grow."""
    if row.form == "session" and row.call_started_at is not None:
        time_ms = (recorded.envelope.occurred_at - row.call_started_at) // US_PER_MS
        _spent(row, rows, row.tokens, time_ms, recorded)


def _judged(recorded: Recorded, event: task.Verified | task.Rejected, row: Attempt, rows: Rows) -> None:
    by, judgement = recorded.envelope.id, event.judgement
    if row.review:
        if not judgement.verified:
            rows.put(watch.after_failure(watch.tried(rows, event.run, event.task, event.employee), by))
        if row.version is not None and row.review in ("passed", "failed"):
            result = watch.BLOCKED if row.review == "failed" else watch.PASSED
            watch.observe(rows, event.employee, "reviews", result, by, version=row.version, against=not result)
        return
    if judgement.verified:
        _outcome(recorded, event, row, rows, watch.VERIFIED)
        return
    refuted = row.form == "session" and any(finding.kind in CHECKABLE for finding in judgement.findings)
    _outcome(recorded, event, row, rows, watch.REFUTED if refuted else watch.FAILED, repeat=is_repeat(judgement))


def _outcome(
    recorded: Recorded, event: TaskEvent, row: Attempt, rows: Rows, outcome: int, *, repeat: bool = False
) -> None:
    """Count an outcome at its task. The first outcome of an employee at a task also goes into its series."""
    by = recorded.envelope.id
    before = watch.tried(rows, event.run, event.task, event.employee)
    rows.put(watch.after_outcome(before, by, failed=outcome != watch.VERIFIED, repeat=repeat))
    if not before.observed and row.version is not None:
        against = outcome != watch.VERIFIED
        watch.observe(rows, event.employee, "outcomes", outcome, by, version=row.version, against=against)
