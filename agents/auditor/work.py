"""Rules about the work on one task or one run."""

from uuid import UUID

from agents.auditor.rule import Limits, Noticed
from agents.sessions.loop import STUCK
from bus.projection_rows import Rows
from domain import run_messages, task
from domain.halt import HALTED
from domain.message import Recorded, TaskEvent
from domain.wording import counted
from projections import auditor_watch as watch
from projections.auditor import attempt_in

MICRO = 1_000_000
_HONEST = ("answered", task.DECLINED)
"""Outcomes of a call that are not a failure of its employee."""


def integrity(recorded: Recorded, rows: Rows, limits: Limits) -> Noticed | None:
    """Return one result, which is a strike, for a verdict that has integrity findings."""
    del rows
    event = recorded.event
    assert isinstance(event, task.Rejected)
    findings = [finding for finding in event.judgement.findings if finding.integrity]
    if len(findings) <= limits["findings_max"]:
        return None
    kinds = ", ".join(dict.fromkeys(finding.kind for finding in findings))
    paths = ", ".join(dict.fromkeys(finding.path for finding in findings if finding.path))
    return _about(event, f"{kinds}{f': {paths}' if paths else ''}", {"findings": len(findings)}, strike=True)


def stalled_task(recorded: Recorded, rows: Rows, limits: Limits) -> Noticed | None:
    del rows, limits
    event = recorded.event
    assert isinstance(event, task.Released)
    if event.reason == HALTED:
        return None  # a person stopped everything
    how = "a call was cut off" if event.cut_off else "no call was open"
    return _about(event, f"{event.reason}: {how}", {"charged_tokens": event.charged.tokens})


def stalled_run(recorded: Recorded, rows: Rows, limits: Limits) -> Noticed | None:
    """Return a result if the last attempts of a run all ended with their lease."""
    event = recorded.event
    assert isinstance(event, task.Released)
    row = watch.series_of(rows, event.run, "leases", recorded.envelope.id)
    attempt = attempt_in(rows, event)
    if row is None or attempt is None or len(row.seen) != limits["leases_in_a_row"]:
        return None
    if recorded.envelope.occurred_at - attempt.assigned_at < limits["lease_seconds_min"] * MICRO:
        return None  # a short lease also ends when a process is started again
    detail = (
        f"{counted(len(row.seen), 'attempt')} in a row ended with their lease, without a hand-in. The run is paused."
    )
    return Noticed(detail=detail, evidence=row.evidence, measured={"leases": len(row.seen)}, run=event.run)


def repeated_failure(recorded: Recorded, rows: Rows, limits: Limits) -> Noticed | None:
    event = recorded.event
    assert isinstance(event, TaskEvent)
    end = task.end_without_work(event)
    if not isinstance(event, task.Rejected) and (end is None or end.outcome in _HONEST or not end.counts):
        return None
    row = watch.tried(rows, event.run, event.task, event.employee)
    if row.failures % limits["failures"]:
        return None
    detail = f"{row.failures} failed attempts of this employee on this task"
    return _about(event, detail, {"failures": row.failures}, evidence=row.evidence)


def stuck_loop(recorded: Recorded, rows: Rows, limits: Limits) -> Noticed | None:
    """Return a result if a session repeats one exchange, or if an employee only repeats a rejected tree."""
    event = recorded.event
    if isinstance(event, task.AttemptEnded):
        return _about(event, f"The session was stuck: {event.message}", {}) if event.outcome == STUCK else None
    if isinstance(event, task.Rejected):
        row = watch.tried(rows, event.run, event.task, event.employee)
        if row.repeats != limits["repeated_trees"]:
            return None
        detail = f"The employee handed in a rejected tree again, {row.repeats} times in a row"
        return _about(event, detail, {"repeats": row.repeats}, evidence=row.evidence)
    assert isinstance(event, task.CallFinished)
    attempt = attempt_in(rows, event)
    if attempt is None or attempt.calls <= 1 or not attempt.exchanges or not event.prompt.messages:
        return None
    count = attempt.exchanges.count(attempt.exchanges[-1])
    if count != limits["equal_exchanges"]:
        return None
    return _about(event, f"The session repeated one command with the same result {count} times", {"exchanges": count})


def weak_criteria(recorded: Recorded, rows: Rows, limits: Limits) -> Noticed | None:
    """Return a result if the criteria accept mutants of the merged tree. The requirement causes this, not an
    employee.
    """
    del rows, limits
    event = recorded.event
    assert isinstance(event, run_messages.Verified)
    noted = [gate for gate in event.judgement.gates if (gate.gate, gate.result) == ("mutation", "noted")]
    return Noticed(detail=noted[0].text, run=event.run) if noted else None


def _about(
    event: TaskEvent,
    detail: str,
    measured: dict[str, int],
    *,
    evidence: tuple[UUID, ...] = (),
    strike: bool = False,
) -> Noticed:
    return Noticed(
        detail=detail,
        measured=measured,
        evidence=evidence,
        run=event.run,
        task=event.task,
        employee=event.employee,
        strike=strike,
    )
