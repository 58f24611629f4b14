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
            standing(run.phase, run.outcome),
            f"{run.verified}/{run.tasks}",
            clock(run.submitted_at),
        )
        for run in runs
    ]
    return table(("run", "title", "standing", "verified", "submitted (UTC)"), lines)
