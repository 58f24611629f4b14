"""The part of the demonstration that tells what happened in its run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bus.store import Store
from director.cli.staff_text import scores_text
from director.services.causes import explain, find_subject
from director.services.run_record import run_data
from director.services.views import rows
from director.terminal.escape import visible
from director.terminal.text import attempt_line, money, table

REJECTIONS_SHOWN = 8


@dataclass(frozen=True)
class StoryTeller:
    """The story of one run. `aura`: the command that calls `aura` on the home of the demonstration."""

    store: Store
    run: UUID
    say: Callable[[str], None]
    aura: str

    async def tell(self, kind: str) -> None:
        """Show the attempts, the scores, one choice of routing, and the cost. `kind`: of the employees."""
        data = await run_data(self.store, self.run)
        attempts = data["attempts"]
        rejected = [row for row in attempts if row["verified"] is False or row["outcome"] != "answered"]
        self.say(
            f"\nAttempts: {len(attempts)}, rejected: {len(rejected)}. First rejections, then their number by reason:"
        )
        lines = [attempt_line(row) for row in rejected[:REJECTIONS_SHOWN]]
        self.say(table(("task", "try", "employee", "outcome", "why"), lines))
        self.say("\n" + table(("employee", "reason", "times"), _by_reason(rejected)))
        self.say("\nScores (all runs of this home)")
        self.say(scores_text(await rows(self.store, "door_scores")))
        await self._tell_choice(data["tasks"])
        self.say(f"\nCost: {money(data['run']['spent_usd'])} ({kind}), {data['run']['spent_tokens']} tokens")

    async def _tell_choice(self, tasks: list[dict[str, Any]]) -> None:
        """Show why routing chose the employee of the last attempt at the task with the most attempts."""
        hardest = str(max(tasks, key=lambda each: int(each["attempts"]))["name"])
        explained = await explain(self.store, await find_subject(self.store, hardest, str(self.run)))
        if explained.choice is not None:
            self.say(f"\n$ {self.aura} why {hardest}    (one choice of routing, from what it has learnt so far)")
            self.say(f"          {visible(explained.choice.sentence)}")


def _by_reason(rejected: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    """Count the failures of each employee by their first reason."""
    counts: dict[tuple[str, str], int] = {}
    for row in rejected:
        reason = row["findings"][0]["kind"] if row["findings"] else str(row["outcome"])
        key = (str(row["employee_name"]), reason)
        counts[key] = counts.get(key, 0) + 1
    return [(who, reason, count) for (who, reason), count in sorted(counts.items(), key=lambda part: -part[1])]
