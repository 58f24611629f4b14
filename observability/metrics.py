"""Metrics of a process for Prometheus. Counters count the events that its own consumers fold.

Each number has one source, so that a sum over all processes counts nothing twice. The recorder counts stored events.
Each consumer counts its own progress. The manager's rows give the open work. The auditor counts calls, verdicts and
incidents. A restart sets counters to 0 and keeps gauges, which are read from rows, streams and servers.
No label contains an id. Label values are event types, states, kinds, at most LABEL_VALUES_MAX model names, and at most
ACCOUNTS_MAX names of accounts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import get_args
from uuid import UUID

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from bus.projection_rows import Parked, Rows
from bus.sliced import Sliced
from domain import task
from domain.message import Event, Recorded
from domain.registry import EVENTS
from domain.waiting import Wait
from observability.account_metrics import AccountMetrics
from observability.health import HealthReport
from observability.model_metrics import OTHER, Findings
from observability.wait_metrics import StaffMetrics, WaitMetrics
from projections.manager import organisation_state
from projections.openrun import OpenRun, open_state

BATCH_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
HALT_STATES = {"running": 0, "paused": 1, "halted": 2, "unfounded": 3}


class Progress:
    """Metrics of readers: their positions, and the time of their batches."""

    def __init__(self, here: CollectorRegistry, consumers: Sequence[str]) -> None:
        by = ("consumer",)
        self.applied = Counter(
            "aura_events_applied", "Events that this process has folded.", ("consumer", "type"), registry=here
        )
        self.void = Counter(
            "aura_events_void", "Void events that this process has folded.", ("consumer",), registry=here
        )
        self.apply = Histogram(
            "aura_projection_apply_seconds",
            "Duration of a batch: fold, commands and commit.",
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
        self.parked = Gauge(
            "aura_projection_parked_events",
            "Parked events: those that could not be processed, and the later events that wait for them.",
            by,
            registry=here,
        )

        for name in consumers:
            for event_type in (*EVENTS, OTHER):
                self.applied.labels(name, _kind(event_type)[1])
            self.void.labels(name)
            self.apply.labels(name)

    def forget(self) -> None:
        """Clear the gauges of readers before each page: a manager that becomes standby has no consumer any more."""
        for gauge in (self.position, self.lag, self.parked):
            gauge.clear()


class RecorderMetrics:
    """Metrics of the recorder's writes."""

    def __init__(self, here: CollectorRegistry) -> None:
        self.appended = Counter(
            "aura_events_appended", "Events that this process has stored.", ("aggregate", "type"), registry=here
        )
        for name in (*EVENTS, OTHER):
            self.appended.labels(*_kind(name))
        self.commit = Histogram(
            "aura_recorder_commit_seconds",
            "Duration of the write of one batch into Postgres.",
            buckets=BATCH_SECONDS,
            registry=here,
        )
        self.position = Gauge("aura_recorder_position_events", "Last sequence that is stored.", registry=here)
        self.lag = Gauge("aura_recorder_lag_events", "Events of the stream that are not stored.", registry=here)


class OpenWork:
    """Metrics of open work, from the manager's rows: only the manager that leads reports them."""

    def __init__(self) -> None:
        self.registry = here = CollectorRegistry()
        self.runs = Gauge("aura_runs_open", "Runs that are not settled.", registry=here)
        self.tasks = Gauge("aura_tasks", "Tasks of open runs.", ("state",), registry=here)
        self.approvals = Gauge("aura_approvals_pending", "Deliveries that wait for approval.", registry=here)
        self.wait = Gauge(
            "aura_approval_wait_seconds",
            "How long the oldest delivery has waited for approval; 0 if none waits.",
            registry=here,
        )
        self.halt = Gauge("aura_halt_state", "0 running, 1 paused, 2 halted, 3 not founded yet.", registry=here)
        self.reserved = Gauge("aura_budget_reserved_usd", "Amount that open runs may still spend.", registry=here)
        self.left = Gauge(
            "aura_budget_remaining_ratio", "Part of the budget that is neither spent nor reserved.", registry=here
        )
        self.tokens_left = Gauge(
            "aura_budget_remaining_tokens_ratio",
            "Part of the budget's tokens that is neither spent nor reserved.",
            registry=here,
        )
        self.staff = StaffMetrics(here)
        self.waits = WaitMetrics(here)
        self.accounts = AccountMetrics(here)

    def show(self, rows: Rows, seen: "Seen") -> None:
        self.staff.show(rows, seen.now)
        self.waits.show(seen.waits, seen.now)
        states = [open_state(rows, row) for row in rows.all(OpenRun)]
        self.accounts.show(rows, states, seen.now)
        tasks = [part.phase for state in states for part in state.tasks.values()]
        self.runs.set(len(states))
        for phase in get_args(task.Phase):
            self.tasks.labels(phase).set(tasks.count(phase))
        self.approvals.set(sum(state.phase == "delivered" for state in states))
        self.wait.set(seen.approval_wait_s)
        organisation = organisation_state(rows)
        self.halt.set(HALT_STATES[organisation.phase])
        committed, cap = organisation.committed.usd, organisation.cap.usd
        self.reserved.set(float(committed - organisation.spent.usd))
        self.left.set(float(1 - committed / cap) if cap else 0.0)
        tokens = organisation.cap.tokens
        self.tokens_left.set(1 - organisation.committed.tokens / tokens if tokens else 0.0)


@dataclass(frozen=True)
class Seen:
    """The facts that a page needs besides the rows. `now`: microseconds UTC. `waits`: the reasons of waiting runs."""

    now: int = 0
    approval_wait_s: float = 0.0
    waits: Mapping[UUID, Wait] = field(default_factory=dict)


class Metrics:
    """All metrics of one process. `consumers`: the names of its consumers. `recorder`: whether it has a recorder."""

    def __init__(self, roles: Sequence[str], consumers: Sequence[str], *, recorder: bool) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        build = Gauge(
            "aura_build_info", "Release and roles of this process.", ("version", "roles"), registry=self.registry
        )
        build.labels(version("aura-orchestra"), ",".join(roles)).set(1)
        self._up = Gauge("aura_dependency_up", "1: the server answers.", ("dependency",), registry=self.registry)
        self._ready = Gauge("aura_ready", "1: this process is ready, as /readyz says.", registry=self.registry)
        self._progress = Progress(self.registry, consumers) if consumers else None
        self._recording = RecorderMetrics(self.registry) if recorder else None
        self._board = OpenWork() if "manager" in consumers else None
        self._leader = (
            Gauge("aura_leader", "1: this manager leads. 0: it is on standby.", registry=self.registry)
            if self._board
            else None
        )
        self.findings = Findings(self.registry) if "auditor" in consumers else None

    def on_commit(self, consumer: str, batch: Sequence[Recorded], rows: Rows, wall_s: float, live: bool) -> None:
        """Count a batch that a consumer has committed. live=False: a rebuild, so its calls were counted before."""
        assert self._progress is not None, "a consumer was announced"
        self._progress.apply.labels(consumer).observe(wall_s)
        for recorded in batch:
            self._progress.applied.labels(consumer, _kind(recorded.envelope.type)[1]).inc()
            if recorded.void is not None:
                self._progress.void.labels(consumer).inc()
            elif live and consumer == "auditor" and self.findings is not None and isinstance(recorded.event, Event):
                self.findings.count(recorded.event, recorded.envelope.occurred_at, rows)

    def on_recorded(self, batch: Sequence[Sliced], wall_s: float) -> None:
        """Count a batch that the recorder has committed."""
        assert self._recording is not None, "a recorder was announced"
        self._recording.commit.observe(wall_s)
        for part in batch:
            self._recording.appended.labels(*_kind(part.envelope.type if part.envelope else OTHER)).inc()

    def page(self, report: HealthReport, rows: Mapping[str, Rows], seen: Seen) -> bytes:
        """Return all metrics as text. `report`: the present health. `rows`: the rows of this process's consumers."""
        self._ready.set(report.ready)
        for name, dependency in report.dependencies.items():
            self._up.labels(name).set(dependency.ok)
        if self._progress is not None:
            self._progress.forget()
        for name, reader in report.readers.items():
            self._read(name, reader.position, reader.lag)
        if self._progress is not None:
            for name, held in rows.items():
                self._progress.parked.labels(name).set(len(held.all(Parked)))
        if self._leader is not None:
            self._leader.set(report.manager == "leader")
        if self._board is not None and "manager" in rows:
            self._board.show(rows["manager"], seen)
            return generate_latest(self.registry) + generate_latest(self._board.registry)
        return generate_latest(self.registry)

    def _read(self, name: str, position: int, lag: int | None) -> None:
        far = float("nan") if lag is None else lag
        if name == "recorder" and self._recording is not None:
            self._recording.position.set(position)
            self._recording.lag.set(far)
        elif self._progress is not None:
            self._progress.position.labels(name).set(position)
            self._progress.lag.labels(name).set(far)


def _kind(name: str) -> tuple[str, str]:
    """Return the aggregate and the type of an event."""
    return (name.partition(".")[0], name) if name in EVENTS else (OTHER, OTHER)
