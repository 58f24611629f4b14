"""The runs in pages, and how many runs are in each phase."""

from uuid import UUID

import msgspec

from bus.store import Store
from director.services.views import ListedRun, Query

PAGE_RUNS = 50


class PhaseCount(msgspec.Struct, frozen=True, kw_only=True):
    """A phase of runs, or the outcome of ended runs. `runs`: their number since a time."""

    phase: str
    outcome: str | None
    runs: int


class RunPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of runs, the newest first. `next`: for `after`, to get the runs that follow; None if no runs follow."""

    runs: list[ListedRun]
    next: str | None


PAGE = Query("door_runs_page", ListedRun)
"""A page of runs. Parameters: time and id of the run before the page, or None; the most rows."""
PHASES = Query("door_run_phases", PhaseCount)
"""The number of runs in each phase that were submitted, or ended, since a time. Parameter: microseconds UTC."""
QUERIES = (PAGE, PHASES)


async def run_page(store: Store, after: str = "", limit: int = PAGE_RUNS) -> RunPage:
    """Return a page of runs. `after`: TIME-RUN of a run, as `next` says. Another text begins with the newest run."""
    at, run = _place(after)
    lines = await PAGE.read(store, at, run, limit + 1)
    last = lines[limit - 1] if len(lines) > limit else None
    return RunPage(runs=lines[:limit], next=f"{last.submitted_at}-{last.run}" if last is not None else None)


def _place(text: str) -> tuple[int | None, UUID | None]:
    at, _, run = text.partition("-")
    try:
        return int(at), UUID(run)
    except ValueError:
        return None, None
