"""What a process has seen, as Prometheus reads it. Counters move with the events that its own consumers fold.

Each number has one source, so that the sum over all processes counts nothing twice: the recorder what is stored, each
consumer its own progress, the manager's rows what is open, the auditor's events what was called, judged and found.
No label bears an id: values are event types, states and kinds, and at most LABEL_VALUES_MAX names of models.
"""

from collections.abc import Sequence
from importlib.metadata import version
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from agents.health import Report
from bus.recorder import Sliced
from bus.rows import Rows
from domain import incident, run_messages, task
from domain.message import Event, Recorded
from domain.registry import EVENTS
from projections.board import organisation_state
from projections.evidence import Attempt
from projections.openrun import OpenRun, open_state

BATCH_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
WAIT_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
LABEL_VALUES_MAX = 50
OTHER = "other"
HALT_STATES = {"running": 0, "paused": 1, "halted": 2, "unfounded": 3}
MICRO = 1_000_000


class Names:
    """The values of one label: what is new after LABEL_VALUES_MAX of them is `other`."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def bound(self, value: str) -> str:
        if value not in self._known and len(self._known) >= LABEL_VALUES_MAX:
            return OTHER
        self._known.add(value)
        return value


class Progress:
    """How far readers are, and how long they take."""

    def __init__(self, here: CollectorRegistry) -> None:
        by = ("consumer",)
        self.applied = Counter("aura_events_applied", "Events folded here.", ("consumer", "type"), registry=here)
        self.void = Counter(
            "aura_events_void", "Events here that the law does not count.", ("consumer",), registry=here
        )
        self.apply = Histogram(
            "aura_projection_apply_seconds",
            "Fold, commands and commit of a batch.",
            by,
            buckets=BATCH_SECONDS,
            registry=here,
        )
        self.position = Gauge(
            "aura_projection_position_events", "Last sequence that is in the rows.", by, registry=here
        )
        self.lag = Gauge(
            "aura_projection_lag_events", "Events of the stream that are not in the rows.", by, registry=here
        )


class Recording:
    """What the recorder stores."""

    def __init__(self, here: CollectorRegistry) -> None:
        self.recorded = Counter("aura_events_recorded", "Events stored here.", ("type",), registry=here)
        self.commit = Histogram(
            "aura_recorder_commit_seconds", "One batch into Postgres.", buckets=BATCH_SECONDS, registry=here
        )
        self.position = Gauge("aura_recorder_position_events", "Last sequence that is stored.", registry=here)
        self.lag = Gauge("aura_recorder_lag_events", "Events of the stream that are not stored.", registry=here)


class Board:
    """What is open, from the manager's rows."""

    def __init__(self, here: CollectorRegistry) -> None:
        self.runs = Gauge("aura_runs_open", "Runs that are not settled.", registry=here)
        self.tasks = Gauge("aura_tasks", "Tasks of open runs.", ("state",), registry=here)
        self.approvals = Gauge("aura_approvals_pending", "Deliveries that wait for approval.", registry=here)
        self.halt = Gauge("aura_halt_state", "0 running, 1 paused, 2 halted, 3 not founded yet.", registry=here)

    def show(self, rows: Rows) -> None:
        states = [open_state(row) for row in rows.all(OpenRun)]
        tasks = [part.phase for state in states for part in state.tasks.values()]
        self.runs.set(len(states))
        for phase in get_args(task.Phase):
            self.tasks.labels(phase).set(tasks.count(phase))
        self.approvals.set(sum(state.phase == "delivered" for state in states))
        self.halt.set(HALT_STATES[organisation_state(rows).phase])


class Findings:
    """What was called, judged and found, from the auditor's events and rows."""

    def __init__(self, here: CollectorRegistry) -> None:
        of = ("provider", "model")
        self.wait = Histogram(
            "aura_task_schedule_to_start_seconds", "From assigned to called.", buckets=WAIT_SECONDS, registry=here
        )
        self.requests = Counter("aura_llm_requests", "Calls of models, by outcome.", (*of, "outcome"), registry=here)
        self.duration = Histogram(
            "aura_llm_request_duration_seconds",
            "As the worker measured it.",
            of,
            buckets=WAIT_SECONDS,
            registry=here,
        )
        self.tokens = Counter("aura_llm_tokens", "As the provider reported them.", (*of, "kind"), registry=here)
        self.cost = Counter("aura_llm_cost_usd", "As charged to the run.", of, registry=here)
        self.verdicts = Counter(
            "aura_verdicts", "Verdicts, by the first reason.", ("entity", "outcome", "reason"), registry=here
        )
        self.incidents = Counter("aura_incidents", "Incidents raised.", ("kind",), registry=here)
        self._providers, self._models, self._outcomes, self._reasons = Names(), Names(), Names(), Names()

    def count(self, event: Event, at: int, rows: Rows) -> None:
        match event:
            case task.CallStarted(run=run, order=order):
                attempt = rows.get(Attempt, run, str(order))
                if attempt is not None:
                    self.wait.observe((at - attempt.assigned_at) / MICRO)
            case task.CallFinished():
                self._call(event)
            case (
                task.Verified(judgement=found)
                | task.Rejected(judgement=found)
                | run_messages.Verified(judgement=found)
                | run_messages.Rejected(judgement=found)
            ):
                reason = self._reasons.bound(found.findings[0].kind) if found.findings else "none"
                outcome = "verified" if found.verified else "rejected"
                self.verdicts.labels(event.entity()[0], outcome, reason).inc()
            case incident.Raised(kind=kind):
                self.incidents.labels(kind).inc()

    def _call(self, event: task.CallFinished) -> None:
        call = event.snapshot
        of = (self._providers.bound(call.provider), self._models.bound(call.model))
        self.requests.labels(*of, self._outcomes.bound(call.outcome)).inc()
        self.duration.labels(*of).observe(max(0.0, call.latency_s))
        self.tokens.labels(*of, "input").inc(max(0, call.input_tokens or 0))
        self.tokens.labels(*of, "output").inc(max(0, call.output_tokens or 0))
        self.cost.labels(*of).inc(max(0.0, float(event.charged.usd)))


class Metrics:
    """All numbers of one process. `readers` are the names of its consumers, and `recorder`."""

    def __init__(self, roles: Sequence[str], consumers: Sequence[str], *, recorder: bool) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        build = Gauge("aura_build_info", "What runs here.", ("version", "roles"), registry=self.registry)
        build.labels(version("aura-orchestra"), ",".join(roles)).set(1)
        self._up = Gauge("aura_dependency_up", "1: it answers.", ("dependency",), registry=self.registry)
        self._ready = Gauge("aura_ready", "1: this process is ready, as /readyz says.", registry=self.registry)
        self._progress = Progress(self.registry) if consumers else None
        self._recording = Recording(self.registry) if recorder else None
        self._board = Board(self.registry) if "manager" in consumers else None
        self._findings = Findings(self.registry) if "auditor" in consumers else None

    def taken(self, consumer: str, batch: Sequence[Recorded], rows: Rows, wall_s: float, live: bool) -> None:
        """A batch that a consumer has committed. live=False: a rebuild, in which nothing happens anew."""
        assert self._progress is not None, "a consumer was announced"
        self._progress.apply.labels(consumer).observe(wall_s)
        for recorded in batch:
            self._progress.applied.labels(consumer, _type(recorded.envelope.type)).inc()
            if recorded.void is not None:
                self._progress.void.labels(consumer).inc()
            elif live and consumer == "auditor" and self._findings is not None and isinstance(recorded.event, Event):
                self._findings.count(recorded.event, recorded.envelope.occurred_at, rows)

    def kept(self, batch: Sequence[Sliced], wall_s: float) -> None:
        """A batch that the recorder has committed."""
        assert self._recording is not None, "a recorder was announced"
        self._recording.commit.observe(wall_s)
        for part in batch:
            self._recording.recorded.labels(_type(part.envelope.type if part.envelope else OTHER)).inc()

    def page(self, report: Report, board: Rows | None) -> bytes:
        """Everything as text; `report` is of this moment, `board` the manager's rows if they are here."""
        self._ready.set(report.ready)
        for name, dependency in report.dependencies.items():
            self._up.labels(name).set(dependency.ok)
        for name, reader in report.readers.items():
            self._read(name, reader.position, reader.lag)
        if self._board is not None and board is not None:
            self._board.show(board)
        return generate_latest(self.registry)

    def _read(self, name: str, position: int, lag: int | None) -> None:
        far = float("nan") if lag is None else lag
        if name == "recorder" and self._recording is not None:
            self._recording.position.set(position)
            self._recording.lag.set(far)
        elif self._progress is not None:
            self._progress.position.labels(name).set(position)
            self._progress.lag.labels(name).set(far)


def _type(name: str) -> str:
    return name if name in EVENTS else OTHER
