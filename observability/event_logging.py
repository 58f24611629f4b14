"""The log lines about events. The process of one role writes each line, after that role has committed the event.

A line has the event's sequence, run, task, kinds and amounts. It never has text that a model or a person has written.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from bus.consumer import OnCommit
from bus.log_writer import OnRecorded
from bus.logger import Logger
from bus.projection_rows import Parked, Rows
from bus.sliced import Sliced
from domain import employee, incident, organisation, refusal, run_messages, task
from domain.message import Event, Recorded

BEGINS = run_messages.Submitted.type
Fields = dict[str, object]


def _verdict(event: Event) -> Fields:
    assert isinstance(event, task.Verified | task.Rejected | run_messages.Verified | run_messages.Rejected)
    found = event.judgement
    return {
        "entity": event.entity()[0],
        "outcome": "verified" if found.verified else "rejected",
        "reason": found.findings[0].kind if found.findings else None,
        "seconds": round(found.wall_s, 3),
    }


def _refused(event: Event) -> Fields:
    assert isinstance(event, refusal.CommandRefused)
    return {"command": event.command, "principal": event.principal, "code": event.code, "count": event.count}


def _incident(event: Event) -> Fields:
    assert isinstance(event, incident.Raised)
    return {"kind": event.kind, "employee": event.employee, "strike": event.strike, "severity": event.severity}


def _ended(event: Event) -> Fields:
    assert isinstance(event, run_messages.Ended)
    return {"outcome": event.outcome}


def _employee(event: Event) -> Fields:
    assert isinstance(event, employee.EmployeeEvent)
    return {"employee": event.employee}


def _nothing(_event: Event) -> Fields:
    return {}


Telling = tuple[str, Callable[[Event], Fields]]
VERDICT: Telling = ("verdict", _verdict)
TOLD: Mapping[str, Mapping[type[Event], Telling]] = {
    "manager": {
        run_messages.Delivered: ("delivered", _nothing),
        run_messages.Ended: ("run_ended", _ended),
        organisation.Paused: ("paused", _nothing),
        organisation.Halted: ("halted", _nothing),
        organisation.Resumed: ("resumed", _nothing),
    },
    "verifier": dict.fromkeys(
        (task.Verified, task.Rejected, run_messages.Verified, run_messages.Rejected),
        VERDICT,
    ),
    "auditor": {refusal.CommandRefused: ("refused", _refused), incident.Raised: ("incident", _incident)},
    "hr": {
        employee.Warned: ("employee_warned", _employee),
        employee.Suspended: ("employee_suspended", _employee),
        employee.Reinstated: ("employee_reinstated", _employee),
        employee.Dismissed: ("employee_dismissed", _employee),
        employee.Rehired: ("employee_rehired", _employee),
    },
}
"""Consumer -> event -> name and fields of its log line."""
WARNINGS = frozenset({"refused", "incident", "halted", "employee_warned", "employee_suspended", "employee_dismissed"})


class Lines:
    """Writes log lines about the events that this process's consumers and recorder have committed."""

    def __init__(self, log: Logger) -> None:
        self._log = log

    def on_commit(self, consumer: str) -> OnCommit:
        """Return the callback invoked after each committed batch.

        The auditor's callback logs void events, and each consumer's callback logs its parked events.
        """
        return partial(self._on_commit, self._log.bind(role=consumer), consumer, TOLD.get(consumer, {}))

    def on_recorded(self) -> OnRecorded:
        """Return the callback invoked after each recorded batch. It logs that a run is recorded."""
        return partial(self._on_recorded, self._log.bind(role="recorder"))

    def _on_commit(
        self,
        log: Logger,
        consumer: str,
        told: Mapping[type[Event], Telling],
        batch: Sequence[Recorded],
        rows: Rows,
        _wall_s: float,
        live: bool,
    ) -> None:
        for recorded in batch if live else ():
            if recorded.void is not None:
                if consumer == "auditor":
                    log.warning("void", reason=recorded.void, type=recorded.envelope.type, **_where(recorded))
                continue
            telling = told.get(type(recorded.event))  # type: ignore[arg-type]  # the tables contain only events
            if telling is not None:
                name, fields = telling
                tell = log.warning if name in WARNINGS else log.info
                tell(name, **_where(recorded), **fields(recorded.event))  # type: ignore[arg-type]  # the tables contain only events
        for row in rows.all(Parked):
            if batch[0].seq <= int(row.key) <= batch[-1].seq:
                # only the kind of the error: its text may quote a payload
                log.error("parked", seq=int(row.key), scope=row.scope, error=row.error.partition(":")[0])

    def _on_recorded(self, log: Logger, batch: Sequence[Sliced], _wall_s: float) -> None:
        for part in batch:
            if part.envelope is not None and part.envelope.type == BEGINS:
                log.info("run_recorded", seq=part.seq, run=part.envelope.run)


def _where(recorded: Recorded) -> Fields:
    """Return the sequence, run and task of an event."""
    event = recorded.event
    run = recorded.envelope.run or getattr(event, "run", None)
    return {"seq": recorded.seq, "run": run, "task": getattr(event, "task", None)}
