"""The state of a run: the fold of its events. `domain/run.py` has its rules, and gives these names too."""

from typing import Literal

import msgspec

from domain import review
from domain import run_messages as m
from domain.fund_messages import FundsRequested
from domain.money import NOTHING, Amount
from domain.run_act_messages import Overridden
from domain.tasks import NO_TASKS, Tasks
from domain.tranches import Tranches
from domain.tree import Entry

Phase = Literal[
    "none",
    "submitted",
    "admitted",
    "planned",
    "merged",
    "verified",
    "rejected",
    "overridden",
    "delivering",
    "delivered",
    "approved",
    "released",
    "ended",
]
MINUTE_US = 60_000_000


class RunState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    phase: Phase = "none"
    submitted: m.Submitted | None = None
    due_at: int = 0
    tasks: Tasks = NO_TASKS
    tree: str | None = None
    commit: str | None = None
    outcome: m.Outcome | None = None
    returns: int = 0  # how often the run went back from a delivery to work
    tranches: Tranches = {}  # of caps above the run
    asked: FundsRequested | None = None  # the open request for a larger budget
    override: Overridden | None = None  # set if the run releases work of another run without a verdict
    warned: tuple[str, ...] = ()  # "run" and ids of tasks whose budget has had its warning

    @property
    def spent(self) -> Amount:
        return self.tasks.spent

    @property
    def left(self) -> Amount:
        """The budget minus the amounts spent and reserved."""
        cap = self.submitted.allowance.amount if self.submitted else NOTHING
        return cap - self.spent - self.tasks.reserved

    @property
    def settled(self) -> bool:
        """Whether the run can spend nothing more: it has ended, and no call is open."""
        return self.phase == "ended" and not self.tasks.has_open_order


def files_of(state: RunState) -> dict[str, Entry]:
    """Return the changes of all verified tasks to the base, in the order of the plan. Reviews change nothing.

    The changes of an override are those that it releases.
    """
    if state.override is not None:
        return dict(state.override.files)
    merged: dict[str, Entry] = {}
    for task in state.tasks.values():
        if task.phase == "verified" and not review.is_review(task):
            merged.update(task.files)
    return merged
