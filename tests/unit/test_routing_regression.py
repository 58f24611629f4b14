"""An employee becomes worse at task 150. The auditor finds it, and its share of work is down within 10 more tasks.

The finding acts in two ways. It pauses the employee until the Director closes it. And it removes the evidence from
before the change, so that routing sees the rate of today even if the Director closes the finding at once.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import median
from typing import Literal, NamedTuple

import pytest

from agents.auditor.reactor import Auditor
from bus.projection import fold
from bus.projection_rows import Rows
from domain import incident
from domain.message import Command, Event
from domain.routing.terms import RoutingSetting
from projections.auditor import AuditorProjection
from tests.unit.simulated_staff import Simulated, Simulation, steady

WORSE_AT, TASKS, ATTEMPTS_MAX = 150, 230, 3
FRESH_SEEDS = tuple(range(101, 111))
WITHIN = 10
"""Tasks after the finding."""
OTHER_RATE = 0.85
Act = Literal["pause", "close", "none"]
"""The consequence of a finding: the pause, or the Director closes it at once, or nobody hears of it."""


def falling(number: int) -> float:
    """Return the rate of the employee that becomes worse. Tasks are counted from 1 at their first attempt."""
    return 0.9 if number <= WORSE_AT else 0.4


@dataclass
class Audited(Simulation):
    """The organisation with its auditor. `found`: the number of the task at which each finding was raised."""

    act: Act = "pause"
    found: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.auditor, self.watch = Auditor(), AuditorProjection()
        self.watched = Rows(self.watch.tables)
        super().__post_init__()

    def record(self, event: Event, command: Command, number: int = 0) -> None:
        super().record(event, command, number)
        raised = fold(self.watch, self.auditor, self.log[-1], self.watched, self.now)
        self.waiting.extend(each for each in raised if self.act != "none" and each.kind == "regression")  # type: ignore[attr-defined]
        if isinstance(event, incident.Raised):
            self.found.append(self.tasks)
            if self.act == "close":
                self.waiting.append(incident.Close(**self.stamp(), incident=event.incident, reason="I know"))


class Trial(NamedTuple):
    """One simulated organisation: the share of first attempts of the falling employee in percent.

    `seen_after`: the tasks of this employee from the change to the finding; None without a finding.
    """

    before: int
    after: int
    seen_after: int | None
    findings: int


def trial(rate: Callable[[int], float], seed: int, usd: str, act: Act) -> Trial:
    """Let two employees work. The second one costs `usd` and is verified at a rate of 0.85."""
    first = Simulated("first", rate, usd="0.05", usd_max="0.15")
    second = Simulated("second", steady(OTHER_RATE), usd=usd, usd_max=str(3 * Decimal(usd)))
    routing = RoutingSetting(strategy="cascade", value_usd=Decimal(1))
    house = Audited((first, second), routing=routing, seed=seed, act=act)
    for _ in range(TASKS):
        house.run(attempts_max=ATTEMPTS_MAX)
        if house.found and house.tasks >= house.found[0] + WITHIN + 10:
            break
    firsts = [house.by_id[event.employee].name for event in house.assigned if event.attempt == 1]
    found = next((task for task in house.found if task > WORSE_AT), None)
    begin = found if found is not None else WORSE_AT + 30
    return Trial(
        before=share(firsts[100:150]),
        after=share(firsts[begin : begin + WITHIN]),
        seen_after=None if found is None else firsts[WORSE_AT:found].count("first"),
        findings=len(house.found),
    )


def share(part: list[str]) -> int:
    return 100 * part.count("first") // len(part)


def trials(rate: Callable[[int], float], usd: str, act: Act) -> list[Trial]:
    return [trial(rate, seed, usd, act) for seed in FRESH_SEEDS]


@pytest.mark.slow
@pytest.mark.parametrize("usd", ["0.06", "0.08", "0.10"])
def test_the_share_of_work_is_down_within_10_tasks_of_the_finding(usd: str) -> None:
    """The second employee is better after the change at each of these prices: 0.05 / 0.4 is more than usd / 0.85."""
    paused, closed, unheard = (trials(falling, usd, act) for act in ("pause", "close", "none"))
    steadily = trials(steady(0.9), usd, "pause")
    for name, each in (("paused", paused), ("closed", closed), ("unheard", unheard), ("steady", steadily)):
        print(f"{usd} {name}: {[tuple(one) for one in each]}")
    seen = [one for one in paused if one.seen_after is not None]
    assert len(seen) >= 0.9 * len(paused), "sometimes routing alone takes so much work away that nothing is left to see"
    assert median(one.seen_after or 0 for one in seen) <= 20
    assert median(one.before for one in paused) >= 60
    assert {one.after for one in seen} == {0}
    assert median(one.after for one in closed) <= median(one.before for one in closed) / 2
    assert sum(one.after for one in closed) <= sum(one.after for one in unheard), "control: without the finding"
    assert median(one.after for one in steadily) >= 60, "control: without a regression, it keeps its work"
    assert not any(one.findings for one in steadily)
