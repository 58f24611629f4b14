"""The tables of tiers, trust and fines in the file of HR's rules: each contradiction is named with what to write."""

from decimal import Decimal

import pytest

from domain.errors import Invalid
from domain.tiers import TIERS, Ceilings
from governance.hr_rules import default, parse
from tests.unit.test_hr_rules import RULES


def test_the_default_tiers() -> None:
    rules = default().of_tiers
    assert [rule.tier for rule in rules.tiers] == list(TIERS)
    assert [rule.fall_below for rule in rules.tiers] == [0, 450_000, 550_000, 700_000, 800_000]
    assert [rule.rise_at for rule in rules.tiers] == [0, 0, 600_000, 750_000, 850_000]
    assert (rules.of("junior").verified_min, rules.of("junior").percent_min) == (20, 60), "the terms of the probation"
    assert rules.half_life_days == 60
    assert default().start == (
        "probation",
        Ceilings(high_risk=False, attempt_usd_max=Decimal("2.00"), open_attempts_max=2),
    )
    assert {kind: (fine.percent, fine.tasks) for kind, fine in default().of_fines.fines.items()} == {
        "integrity": (100, 20),
        "claims_beyond_verdict": (50, 10),
    }


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('start = "probation"', 'start = "boss"', "Invalid enum value 'boss' - at `$.tiers.start`"),
        ("high_risk = false", "high_risks = false", "unknown field `high_risks`"),
        ('attempt_usd_max = "2.00"', "attempt_usd_max = true", "Expected `decimal | null`, got `bool`"),
        ("open_attempts_max = 2", "open_attempts_max = 0", "Expected `int` >= 1"),
        ("rise_percent = 60", "rise_percent = 100", "Expected `int` <= 99"),
        ("fall_percent = 45", "fall_percent = 9", "Expected `int` >= 10"),
        ("fall_percent = 45\n", "", "missing required field `fall_percent`"),
        ("half_life_days = 60", "half_life_days = 0", "Expected `int` >= 1"),
        ("percent = 100", "percent = 901", "Expected `int` <= 900"),
        ("tasks = 20", "tasks = 0", "Expected `int` >= 1"),
    ],
)
def test_a_wrong_key_or_value_is_named(before: str, after: str, said: str) -> None:
    assert before in RULES
    with pytest.raises(Invalid) as refused:
        parse(RULES.replace(before, after, 1), "hr.toml")
    assert said in refused.value.message
    assert parse(RULES, "hr.toml") == default(), "control"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("rise_percent = 60", "rise_percent = 59", "Tier mid: write a `rise_percent` that is at least 5 above"),
        ("fall_percent = 70", "fall_percent = 54", "Tier senior: write a `fall_percent` of at least 55"),
        ('attempt_usd_max = "5.00"', 'attempt_usd_max = "1.99"', "Tier junior: its `attempt_usd_max` is stricter"),
        ("open_attempts_max = 2", "", "Tier junior: its `open_attempts_max` is stricter than in the tier below."),
        ("high_risk = false", "", "Tier junior: its `high_risk` is stricter than in the tier below."),
        ('attempt_usd_max = "2.00"', 'attempt_usd_max = "0"', "Tier probation: write an `attempt_usd_max` above 0"),
        ('breach = "integrity"', 'breach = "regression"', "an honest failure is never fined."),
        ('breach = "integrity"', 'breach = "claims_beyond_verdict"', "Fine 2: remove it."),
    ],
)
def test_tiers_and_fines_that_contradict_each_other_are_refused(before: str, after: str, said: str) -> None:
    assert before in RULES
    with pytest.raises(Invalid, match="contradict each other") as refused:
        parse(RULES.replace(before, after, 1), "hr.toml")
    assert said in refused.value.hint


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("rise_percent = 75", "rise_percent = 80"),
        ("half_life_days = 60", ""),
        ('start = "probation"', 'start = "mid"'),
        ('attempt_usd_max = "2.00"', "attempt_usd_max = 3"),
        ("fall_percent = 55", "fall_percent = 45"),
    ],
)
def test_control_other_rules_are_possible(before: str, after: str) -> None:
    assert parse(RULES.replace(before, after, 1), "hr.toml") != default()
