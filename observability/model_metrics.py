"""Metrics of calls, verdicts and incidents: the auditor's process counts them from the events that it folds."""

import asyncio
from typing import get_args

import asyncpg
from prometheus_client import CollectorRegistry, Counter, Histogram

from bus.projection_rows import Rows
from bus.store import Store
from domain import employee, incident, run_messages, task
from domain.errors import Unavailable
from domain.faults import ATTEMPTS, WEIGHTS
from domain.message import Event
from observability.health import CHECK_WAIT_S
from projections.auditor import Attempt
from sql import named
from verification.verdict.model import FindingKind

WAIT_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
LABEL_VALUES_MAX = 50
OTHER = "other"
NO_REASON = "none"
MICRO = 1_000_000


class Names:
    """The values of one label. After LABEL_VALUES_MAX values, each new value becomes `other`."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def bound(self, value: str) -> str:
        if value not in self._known and len(self._known) >= LABEL_VALUES_MAX:
            return OTHER
        self._known.add(value)
        return value


class Findings:
    """Counters of calls, verdicts and incidents. Known series begin at 0, so that the first count is an increase."""

    def __init__(self, here: CollectorRegistry) -> None:
        of = ("provider", "model")
        self.wait = _histogram(
            "aura_task_schedule_to_start_seconds", "Time from assignment to the start of the call.", (), here
        )
        self.duration = _histogram(
            "aura_task_duration_seconds", "Time from assignment to the verdict.", ("outcome",), here
        )
        self.requests = Counter("aura_llm_requests", "Calls of models, by outcome.", (*of, "outcome"), registry=here)
        self.latency = _histogram(
            "aura_llm_request_duration_seconds", "Duration of a call, measured by the worker.", (*of, "outcome"), here
        )
        self.tokens = Counter("aura_llm_tokens", "Tokens, reported by the provider.", (*of, "kind"), registry=here)
        self.cost = Counter("aura_llm_cost_usd", "Cost of calls, charged to runs.", of, registry=here)
        self.verdicts = Counter(
            "aura_verdicts", "Verdicts, by the first reason.", ("entity", "outcome", "reason"), registry=here
        )
        self.incidents = Counter("aura_incidents", "Incidents raised.", ("kind",), registry=here)
        self._providers, self._models, self._outcomes, self._reasons = Names(), Names(), Names(), Names()
        for entity in ("task", "run"):
            self.verdicts.labels(entity, "verified", NO_REASON)
            for reason in get_args(FindingKind):
                self.verdicts.labels(entity, "rejected", self._reasons.bound(reason))
        for kind in get_args(incident.Kind):
            self.incidents.labels(kind)
        for outcome in ("verified", "rejected"):
            self.duration.labels(outcome)
        for outcome in (*ATTEMPTS, *WEIGHTS):
            self._outcomes.bound(outcome)

    async def look(self, store: Store) -> None:
        """Begin series at 0 for the employees that were hired before this process started."""
        try:
            async with asyncio.timeout(CHECK_WAIT_S), store.connection() as connection:
                hired = await connection.fetch(named("metrics_models"))
        except (Unavailable, TimeoutError, asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
            return  # the next page asks again
        for provider, model in hired:
            self.begin(provider, model)

    def count(self, event: Event, at: int, rows: Rows) -> None:
        match event:
            case employee.Hired(profile=profile) if not profile.scripted:
                self.begin(profile.provider, profile.model)
            case task.CallStarted(run=run, order=order, index=0):
                attempt = rows.get(Attempt, run, str(order))
                if attempt is not None:
                    self.wait.observe((at - attempt.assigned_at) / MICRO)
            case task.CallFinished():
                self._call(event)
            case task.Verified(run=run, order=order) | task.Rejected(run=run, order=order):
                self._verdict(event)
                attempt = rows.get(Attempt, run, str(order))
                if attempt is not None:
                    outcome = "verified" if event.judgement.verified else "rejected"
                    self.duration.labels(outcome).observe((at - attempt.assigned_at) / MICRO)
            case run_messages.Verified() | run_messages.Rejected():
                self._verdict(event)
            case incident.Raised(kind=kind):
                self.incidents.labels(kind).inc()

    def _verdict(self, event: task.Verified | task.Rejected | run_messages.Verified | run_messages.Rejected) -> None:
        found = event.judgement
        reason = self._reasons.bound(found.findings[0].kind) if found.findings else NO_REASON
        self.verdicts.labels(event.entity()[0], "verified" if found.verified else "rejected", reason).inc()

    def begin(self, provider: str, model: str) -> tuple[str, str]:
        """Return the labels of a model. The series of a new model begin at 0."""
        of = (self._providers.bound(provider), self._models.bound(model))
        for kind in ("input", "output"):
            self.tokens.labels(*of, kind)
        self.cost.labels(*of)
        for outcome in (*ATTEMPTS, *WEIGHTS):
            self.requests.labels(*of, outcome)
        self.latency.labels(*of, "answered")
        return of

    def _call(self, event: task.CallFinished) -> None:
        call = event.snapshot
        of = self.begin(call.provider, call.model)
        outcome = self._outcomes.bound(call.outcome)
        self.requests.labels(*of, outcome).inc()
        self.latency.labels(*of, outcome).observe(max(0.0, call.latency_s))
        self.tokens.labels(*of, "input").inc(max(0, call.input_tokens or 0))
        self.tokens.labels(*of, "output").inc(max(0, call.output_tokens or 0))
        self.cost.labels(*of).inc(max(0.0, float(event.charged.usd)))


def _histogram(name: str, says: str, labels: tuple[str, ...], here: CollectorRegistry) -> Histogram:
    return Histogram(name, says, labels, buckets=WAIT_SECONDS, registry=here)
