"""The text of an estimate: what it says without staff, without a record, and beside the facts."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from director.terminal.estimate_text import NO_ESTIMATE, comparison_lines, estimate_lines, estimates_text, time_text
from domain.estimate import Comparison, Estimates
from tests.unit.samples import ESTIMATE, RUN

COMPARED = Comparison(
    run=RUN,
    title="Slug maker",
    estimate=ESTIMATE,
    usd=Decimal("0.05"),
    tokens=100,
    seconds=700,
    outcome="delivered",
    usd_held=True,
    seconds_held=False,
)


def test_an_estimate_says_its_intervals_and_its_source() -> None:
    cost, time, chance, source = estimate_lines(ESTIMATE)
    assert cost == "Expected cost: 0.02 USD (80% of runs: 0.01 USD to 0.09 USD), 2000 tokens (1000 to 9000)."
    assert time == "Expected time: 1 min 0 s (80% of runs: 30 s to 10 min 0 s)."
    assert chance == "Chance of a delivery: 85% within the budget, 90% without a limit."
    assert source.startswith("It follows from 12 recorded attempts of 2 employees. 1 of them without a record")
    assert "priors" not in estimate_lines(replace(ESTIMATE, unknown=0))[-1]
    assert estimate_lines(replace(ESTIMATE, attempts=0, unknown=2))[-1].startswith("No employee has a record yet")
    assert estimate_lines(None) == [NO_ESTIMATE]


def test_the_facts_stand_beside_the_estimate() -> None:
    assert comparison_lines(None) == []
    assert comparison_lines(COMPARED) == [
        "estimated cost: 0.01 USD to 0.09 USD; fact: 0.05 USD (within)",
        "estimated time: 30 s to 10 min 0 s; fact: 11 min 40 s (outside)",
    ]
    is_open = replace(COMPARED, seconds=None, outcome=None, usd_held=None, seconds_held=None)
    assert comparison_lines(is_open)[1] == "estimated time: 30 s to 10 min 0 s; fact: not delivered yet"


def test_the_list_counts_how_often_estimates_held() -> None:
    found = Estimates(
        runs=(COMPARED,), usd={"below": 0, "within": 1, "above": 0}, seconds={"below": 0, "within": 0, "above": 1}
    )
    text = estimates_text(found)
    assert "Cost: 1 of 1 delivered run within, 0 below, 0 above. Time: 0 of 1 delivered run within" in text
    assert "No run has an estimate yet" in estimates_text(replace(found, runs=()))


@pytest.mark.parametrize(("seconds", "text"), [(59, "59 s"), (61, "1 min 1 s"), (3661, "1 h 1 min")])
def test_a_time_has_two_units(seconds: int, text: str) -> None:
    assert time_text(seconds) == text
