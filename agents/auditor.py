"""The Auditor raises incidents from evidence. Each rule is a function of one event and the rows, with a named limit."""

from collections.abc import Iterator, Sequence

from bus.projection import Cause
from bus.projection_rows import Rows
from domain import incident, run_messages, task
from domain.message import Command, Recorded, TaskEvent, derive
from projections.auditor import Attempt

FAILURES_IN_A_ROW = 3
"""Number of failed attempts of one employee on one task that raises an incident for the Director."""
SPIKE_FACTOR = 5
SPIKE_CALLS_MIN = 5
"""A call is a cost spike if it uses more than SPIKE_FACTOR times the mean tokens of the other calls of its run. The run
must have at least SPIKE_CALLS_MIN other calls.
"""

_HONEST = ("answered", task.DECLINED)
"""Outcomes of a call that are not a failure of its employee."""


class Auditor:
    """The auditor's reactions."""

    def react(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        event = recorded.event
        if isinstance(event, run_messages.Verified):
            return [*_weak(event, cause)]
        if not isinstance(event, TaskEvent):
            return ()
        return [
            *_integrity(event, cause),
            *_stalled(event, cause),
            *_repeated(event, rows, cause),
            *_spike(event, rows, cause),
        ]

    def react_void(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        del rows  # a void event does not change the rows
        envelope = recorded.envelope
        detail = f"Event {recorded.seq} ({envelope.type}) does not count: {recorded.void}."
        return [
            incident.Raise(
                **cause.fields("auditor.void"),
                incident=derive(cause.source, "void", recorded.seq),
                kind="void_event",
                detail=detail,
                run=envelope.run,
                employee=envelope.employee,
            )
        ]


def _integrity(event: TaskEvent, cause: Cause) -> Iterator[Command]:
    """Yield exactly one strike for a verdict that has one or more integrity findings."""
    if isinstance(event, task.Rejected):
        findings = [finding for finding in event.judgement.findings if finding.integrity]
        if findings:
            kinds = ", ".join(dict.fromkeys(finding.kind for finding in findings))
            paths = ", ".join(dict.fromkeys(finding.path for finding in findings if finding.path))
            yield _raise(event, "integrity", f"{kinds}{f': {paths}' if paths else ''}", cause, strike=True)


def _weak(event: run_messages.Verified, cause: Cause) -> Iterator[Command]:
    """Yield an incident if the criteria accept mutants of the merged tree. The requirement causes this, not an
    employee.
    """
    noted = [gate for gate in event.judgement.gates if (gate.gate, gate.result) == ("mutation", "noted")]
    for gate in noted:
        yield incident.Raise(
            **cause.fields("auditor.weak_criteria"),
            incident=derive(cause.source, "weak_criteria"),
            kind="weak_criteria",
            detail=gate.text,
            run=event.run,
        )


def _stalled(event: TaskEvent, cause: Cause) -> Iterator[Command]:
    if isinstance(event, task.Released):
        how = "a call was cut off" if event.cut_off else "no call was open"
        yield _raise(event, "stalled_task", f"{event.reason}: {how}", cause)


def _repeated(event: TaskEvent, rows: Rows, cause: Cause) -> Iterator[Command]:
    end = task.end_without_work(event)
    if not isinstance(event, task.Rejected) and (end is None or end.outcome in _HONEST or not end.counts):
        return
    attempts = [row for row in rows.of(Attempt, event.run) if (row.task, row.employee) == (event.task, event.employee)]
    failures = sum(row.verified is False or _failed(row) for row in attempts)
    if failures % FAILURES_IN_A_ROW == 0:
        yield _raise(event, "repeated_failure", f"{failures} failed attempts of this employee on this task", cause)


def _failed(row: Attempt) -> bool:
    """Return whether the call itself failed. A fault of the model's server is not a failure of the call."""
    return row.outcome not in (None, *_HONEST) and not row.fault


def _spike(event: TaskEvent, rows: Rows, cause: Cause) -> Iterator[Command]:
    if not isinstance(event, task.CallFinished):
        return
    calls = [row for row in rows.of(Attempt, event.run) if row.call_finished_at and row.key != str(event.order)]
    if any(row.form == "session" for row in rows.of(Attempt, event.run)):
        return  # the calls of a session grow with it, and its reservation limits their sum
    used = sum(row.tokens for row in calls)
    if len(calls) >= SPIKE_CALLS_MIN and event.charged.tokens * len(calls) > SPIKE_FACTOR * used > 0:
        mean = used // len(calls)
        yield _raise(
            event, "cost_spike", f"{event.charged.tokens} tokens; the mean of the other calls is {mean}", cause
        )


def _raise(event: TaskEvent, kind: incident.Kind, detail: str, cause: Cause, *, strike: bool = False) -> incident.Raise:
    return incident.Raise(
        **cause.fields(f"auditor.{kind}"),
        incident=derive(cause.source, kind),
        kind=kind,
        detail=detail,
        strike=strike,
        run=event.run,
        task=event.task,
        employee=event.employee,
    )
