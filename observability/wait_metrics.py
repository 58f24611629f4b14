"""Metrics of employees that may get work, and of waiting runs by reason. The leading manager reports them."""

from collections import Counter
from collections.abc import Mapping
from typing import Literal, get_args
from uuid import UUID

from prometheus_client import CollectorRegistry, Gauge

from bus.projection_rows import Rows
from domain.waiting import Wait, WaitCode
from projections.holds import is_held
from projections.manager import EmployeeRow

EmployeeState = Literal["ready", "resting", "suspended", "unpriced", "held"]
MICRO = 1_000_000


def employee_state(row: EmployeeRow, now: int, *, held: bool = False) -> EmployeeState:
    """Return the state of an employee. It decides whether the employee may get work. `now`: microseconds UTC.

    `held`: whether an open incident pauses the employee.
    """
    if row.suspended:
        return "suspended"
    if row.profile.call_usd_max is None:
        return "unpriced"
    if held:
        return "held"
    return "resting" if row.rest_until > now else "ready"


class StaffMetrics:
    """Gauge of the number of employees in each state."""

    def __init__(self, here: CollectorRegistry) -> None:
        self._employees = Gauge("aura_employees", "Employees, by whether they may get work.", ("state",), registry=here)

    def show(self, rows: Rows, now: int) -> None:
        states = Counter(employee_state(row, now, held=is_held(rows, row.scope)) for row in rows.all(EmployeeRow))
        for state in get_args(EmployeeState):
            self._employees.labels(state).set(states[state])


class WaitMetrics:
    """Gauges of waiting runs. The time of a wait begins when the reason is first seen, so a restart sets it to 0."""

    def __init__(self, here: CollectorRegistry) -> None:
        self._runs = Gauge("aura_waiting_runs", "Open runs that wait, by reason.", ("reason",), registry=here)
        self._longest = Gauge(
            "aura_waiting_run_seconds",
            "The longest time that a run has waited for the same reason.",
            ("reason",),
            registry=here,
        )
        self._since: dict[UUID, tuple[WaitCode, int]] = {}

    def show(self, waits: Mapping[UUID, Wait], now: int) -> None:
        """Set the gauges. `now`: microseconds UTC."""
        known = self._since
        self._since = {
            run: known[run] if run in known and known[run][0] == wait.code else (wait.code, now)
            for run, wait in waits.items()
        }
        counts = Counter(code for code, _ in self._since.values())
        for code in get_args(WaitCode):
            since = min((begun for other, begun in self._since.values() if other == code), default=now)
            self._runs.labels(code).set(counts[code])
            self._longest.labels(code).set((now - since) / MICRO)
