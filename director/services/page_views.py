"""The named queries that return one page of a long list, or the lines that a person names, each with its struct."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from director.services.views import IncidentLine, ListedRun, Query


class RunId(msgspec.Struct, frozen=True, kw_only=True):
    """The id of a run."""

    run: UUID


class WorkNow(msgspec.Struct, frozen=True, kw_only=True):
    """A task on which an employee works now. `attempts`: the number of the attempts at it."""

    employee: UUID
    run: UUID
    title: str
    task: str
    attempts: int


class DayCost(msgspec.Struct, frozen=True, kw_only=True):
    """The charges of one UTC day."""

    day: str
    usd: Decimal
    tokens: int
    calls: int
    unpriced: int


class PhaseCount(msgspec.Struct, frozen=True, kw_only=True):
    """A phase of runs, or the outcome of ended runs. `runs`: their number since a time."""

    phase: str
    outcome: str | None
    runs: int


RUNS_PAGE = Query("door_runs_listed", ListedRun)
"""A page of the runs, the newest first. Parameters: the run before it, phase, outcome, text, the most runs."""
RUN_NAMED = Query("door_run_named", RunId)
"""The runs whose id begins with a text, or the `last` one, the newest first, at most 100."""
INCIDENTS_PAGE = Query("door_incidents_page", IncidentLine)
"""A page of the incidents, the newest first. Parameters: the one before, phases, severity, run, employee, number."""
INCIDENT_NAMED = Query("door_incident_named", IncidentLine)
"""The incidents whose id begins with a text, or the `last` one, the newest first, at most 100."""
WORK_NOW = Query("door_work_now", WorkNow)
"""The tasks on which employees work now."""
DAY_COSTS = Query("door_day_costs", DayCost)
"""The charges of each day, the oldest day first. Parameters: the first time (microseconds), an employee or None."""
PHASES = Query("door_run_phases", PhaseCount)
"""The number of open runs in each phase, and of those that ended since a time. Parameter: microseconds UTC."""
QUERIES: tuple[Query[Any], ...] = (
    *(RUNS_PAGE, RUN_NAMED, INCIDENTS_PAGE, INCIDENT_NAMED),
    *(WORK_NOW, DAY_COSTS, PHASES),
)
