"""The Director's inbox: everything that needs a person, in one value."""

from typing import Any

import msgspec

from bus.store import Store
from director.services.appeals import OpenAppeal, open_appeals_in
from director.services.approvals import waiting_runs
from director.services.budget import CapLine, warned_caps
from director.services.incidents import severe_and_open
from director.services.views import IncidentLine
from director.services.waiting import Waits
from director.settings import Settings
from domain.waiting import RunWait


class Inbox(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that needs a person. `waiting`: deliveries to approve. `held_up`: open runs with another problem.

    `incidents`: severe and not closed. `appeals`: not decided. `budgets`: caps with a warning.
    """

    waiting: list[dict[str, Any]]
    held_up: list[RunWait]
    incidents: list[IncidentLine]
    appeals: list[OpenAppeal]
    budgets: list[CapLine]

    @property
    def count(self) -> int:
        """The number of decisions that wait. A warning about a cap is no decision."""
        return len(self.waiting) + len(self.held_up) + len(self.incidents) + len(self.appeals)


async def inbox_of(store: Store, settings: Settings, detailed: int | None = None) -> Inbox:
    """Return everything that needs a person. `detailed`: the number of deliveries with notes; None: all."""
    return Inbox(
        waiting=await waiting_runs(store, detailed),
        held_up=await Waits(store, settings).held_up(),
        incidents=await severe_and_open(store),
        appeals=await open_appeals_in(store),
        budgets=await warned_caps(store),
    )
