"""The list of runs as text for people."""

from collections.abc import Sequence

from director.services.views import ListedRun
from director.terminal.text import clock, standing, table


def runs_text(runs: Sequence[ListedRun]) -> str:
    """Return all runs as a table; without runs, the command that begins one."""
    if not runs:
        return "No runs yet. Begin with: aura init my.md"
    lines = [
        (
            run.run,
            run.title,
            _standing(run),
            f"{run.verified}/{run.tasks}",
            clock(run.submitted_at),
        )
        for run in runs
    ]
    return table(("run", "title", "standing", "verified", "submitted (UTC)"), lines)


def _standing(run: ListedRun) -> str:
    stands = standing(run.phase, run.outcome)
    return f"{stands} (shadow run)" if run.shadow_of is not None and run.outcome != "shadow" else stands
