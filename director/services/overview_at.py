"""The organisation as of an earlier event: its runs, and everything that needed a person then."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from bus.store import Store
from director.services.state import state_of, view_named

RUNS_MAX = 50
"""The most runs of an earlier state that are shown, the newest first."""


class PastRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it was. `tasks`, `verified`: the number of its tasks, and of the verified ones."""

    run: UUID
    title: str
    phase: str
    outcome: str | None
    tasks: int
    verified: int
    spent_usd: Decimal
    submitted_at: int
    ended_at: int | None


class PastIncident(msgspec.Struct, frozen=True, kw_only=True):
    """A severe incident that was not closed."""

    kind: str
    detail: str


class OverviewAt(msgspec.Struct, frozen=True, kw_only=True):
    """The organisation as of an event. `runs`: all of them, the newest first. `phase`: of the organisation."""

    phase: str
    runs: list[PastRun]
    incidents: list[PastIncident]

    @property
    def waiting(self) -> list[PastRun]:
        """The deliveries that waited for an approval."""
        return [run for run in self.runs if run.phase == "delivered"]


async def overview_at(store: Store, seq: int) -> OverviewAt:
    """Return the organisation as of an event."""
    runs, tasks = await _rows(store, "manager.run", seq), await _rows(store, "manager.task", seq)
    phases: dict[str, list[str]] = {}
    for row in tasks:
        phases.setdefault(row["scope"], []).append(row["phase"])
    lines = [
        PastRun(
            run=UUID(row["scope"]),
            title=row["title"],
            phase=row["phase"],
            outcome=row["outcome"],
            tasks=len(phases.get(row["scope"], ())),
            verified=phases.get(row["scope"], []).count("verified"),
            spent_usd=Decimal(row["spent_usd"]),
            submitted_at=row["submitted_at"],
            ended_at=row["ended_at"],
        )
        for row in runs
    ]
    house = await _rows(store, "manager.organisation", seq)
    return OverviewAt(
        phase=house[0]["phase"] if house else "unfounded",
        runs=sorted(lines, key=lambda line: (line.submitted_at, line.run), reverse=True),
        incidents=[
            PastIncident(kind=row["kind"], detail=row["detail"])
            for row in await _rows(store, "auditor.incident", seq)
            if row["severity"] == "severe" and row["phase"] != "closed"
        ],
    )


def overview_differences(before: OverviewAt, after: OverviewAt) -> list[tuple[str, str, str]]:
    """Return the differences of two states: the name of a value, and the value before and after."""
    old, new = _values(before), _values(after)
    return [(name, old.get(name, ""), new.get(name, "")) for name in new | old if old.get(name) != new.get(name)]


def _values(state: OverviewAt) -> dict[str, str]:
    runs = {f"{run.title} ({str(run.run)[:8]})": f"{run.outcome or run.phase}, ${run.spent_usd}" for run in state.runs}
    return {"organisation": state.phase, "severe incidents": str(len(state.incidents))} | runs


async def _rows(store: Store, view: str, seq: int) -> list[dict[str, Any]]:
    return (await state_of(store, view_named(view), str(seq))).tables[view.partition(".")[2]]
