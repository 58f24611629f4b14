"""Terms of routing: skill and value of a task follow from its submission and the organisation's setting."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from domain.errors import Invalid
from domain.routing.terms import RoutingSetting, WorkTerms, check_terms, checked_setting, skill_for, value_of
from tests.unit import runs
from tests.unit.given import decide
from tests.unit.samples import WORK

TERMS = WorkTerms(deliver="library", language="python")
CASCADE = RoutingSetting(strategy="cascade")


def key(terms: WorkTerms, name: str = "T1", criteria: int = 1, paths: tuple[str, ...] = ("a.py",)) -> str:
    skill = skill_for(terms, name, criteria, paths, "answer")
    return skill.key if skill is not None else ""


def test_the_skill_follows_from_the_submission() -> None:
    assert key(TERMS) == "library/python/small/answer/normal"
    assert key(TERMS, criteria=3) == "library/python/medium/answer/normal"
    assert key(TERMS, paths=("auth/login.py",)) == "library/python/small/answer/high"
    assert key(TERMS, criteria=0) == "review/python/small/answer/normal"
    session = skill_for(TERMS, "T1", 1, ("a.py",), "session")
    assert session is not None
    assert session.key == "library/python/small/session/normal"


def test_an_older_submission_says_too_little() -> None:
    assert skill_for(WorkTerms(), "T1", 1, ("a.py",), "answer") is None


def test_a_part_of_a_task_replaces_that_of_the_requirement() -> None:
    terms = replace(TERMS, skill={"risk": "high", "size": "large"}, skills={"T2": {"risk": "normal"}})
    assert key(terms) == "library/python/large/answer/high"
    assert key(terms, "T2") == "library/python/large/answer/normal"


def test_the_value_of_the_task_comes_first_and_the_budget_last() -> None:
    budget = Decimal("3.00")
    one = replace(TERMS, value_usd=Decimal("0.50"), values_usd={"T2": Decimal("2.00")})
    setting = RoutingSetting(strategy="cascade", value_usd=Decimal("0.75"))
    assert value_of(one, "T2", setting, budget, 4) == (2_000_000, "task")
    assert value_of(one, "T1", setting, budget, 4) == (500_000, "run")
    assert value_of(TERMS, "T1", setting, budget, 4) == (750_000, "organisation")
    assert value_of(TERMS, "T1", CASCADE, budget, 4) == (750_000, "budget")
    assert value_of(TERMS, "T1", CASCADE, budget, 0) == (3_000_000, "budget")


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (replace(WORK, skills={"T9": {"size": "large"}}), "no task T9"),
        (replace(WORK, values_usd={"T9": Decimal(1)}), "no task T9"),
        (replace(WORK, value_usd=Decimal(0)), "value of a verified task is 0"),
        (replace(WORK, values_usd={"T1": Decimal(-1)}), "value of a verified task is -1"),
        (replace(WORK, skill={"size": "huge"}), "size: huge"),
        (replace(WORK, skills={"T1": {"colour": "red"}}), "colour: red"),
    ],
)
def test_impossible_terms_are_refused(terms: WorkTerms, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        check_terms(terms, ("T1", "T2"))
    with pytest.raises(Invalid, match=message):
        decide(replace(runs.SUBMIT, work=terms))
    check_terms(WORK, ("T1", "T2"))  # control
    (event,) = decide(replace(runs.SUBMIT, work=WORK))
    assert event.work == WORK  # type: ignore[attr-defined]  # a submission


def test_each_strategy_can_be_set() -> None:
    for name in ("turns", "cheapest_first", "best_single", "cascade"):
        assert checked_setting(RoutingSetting(strategy=name)).strategy == name
    with pytest.raises(Invalid, match="no routing strategy dice"):
        checked_setting(RoutingSetting(strategy="dice"))
