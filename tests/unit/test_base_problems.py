"""A requirement's statements about its base: each statement that is not true is a problem with a remedy."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from verification.gates.base_problems import OnBase, Standing, changes_without_effect, disagreements, finding_of
from verification.requirements.model import Budget, Criterion, MayChange, Requirement
from verification.suites.base_outcome import BaseOutcome

A1 = Criterion(id="A1", says="", cases=())
A2 = replace(A1, id="A2")
SECRET = "tests/test_sealed.py::test_4711"


def requirement(*criteria: Criterion, refactor: bool = False, may_change: tuple[MayChange, ...] = ()) -> Requirement:
    return Requirement(
        title="T",
        deliver="library",
        language="python",
        scope=("a.py",),
        budget=Budget(usd=Decimal(0), tokens=0, minutes=0),
        criteria=criteria,
        tasks=(),
        prose="",
        source=b"",
        refactor=refactor,
        may_change=may_change,
    )


def kinds(asked: Requirement, **standings: Standing) -> list[tuple[str, str | None]]:
    on_base = {name: OnBase(standing=standing) for name, standing in standings.items()}
    return [(each.kind, each.criterion) for each in disagreements(asked, asked.criteria, on_base)]


def test_a_criterion_fails_on_the_base_or_says_that_it_holds() -> None:
    says = replace(A1, holds_already=True)
    assert kinds(requirement(A1, A2), A1="fails", A2="fails") == []
    assert kinds(requirement(A1, A2), A1="holds", A2="fails") == [("holds_on_base", "A1")]
    assert kinds(requirement(says, A2), A1="holds", A2="fails") == []
    assert kinds(requirement(says, A2), A1="fails", A2="fails") == [("fails_on_base", "A1")]


def test_one_criterion_fails_on_the_base_or_the_run_is_a_refactoring() -> None:
    says = replace(A1, holds_already=True)
    assert kinds(requirement(says), A1="holds") == [("holds_on_base", None)]
    assert kinds(requirement(says, refactor=True), A1="holds") == []
    assert kinds(requirement(A1, refactor=True), A1="holds") == []
    assert kinds(requirement(A1, A2, refactor=True), A1="holds", A2="fails") == [("fails_on_base", "A2")]


def test_what_was_not_asked_in_time_is_said_of_nobody() -> None:
    assert kinds(requirement(A1), A1="not_asked") == []
    assert kinds(requirement(replace(A1, holds_already=True)), A1="not_asked") == []


@pytest.mark.parametrize(
    ("how", "word"), [("failed", "fails"), ("skipped", "is skipped"), (None, "is not a test that runs"), ("passed", "")]
)
def test_a_test_that_may_change_passes_on_the_base(how: str | None, word: str) -> None:
    asked = requirement(A1, may_change=(MayChange(test="t.py::old"),))
    before = BaseOutcome(outcomes={"t.py::x": "passed"} | ({"t.py::old": how} if how else {}), files=("t.py",))
    problems = changes_without_effect(asked, before)
    assert [problem.tests for problem in problems] == ([("t.py::old",)] if word else [])
    assert all(f"t.py::old {word}" in problem.message for problem in problems)


def test_an_author_is_told_no_id_of_a_test() -> None:
    on_base = OnBase(standing="fails", must_pass_already=(SECRET,), keep_passing_fails=((SECRET, "failed"),))
    problems = disagreements(requirement(A1), [A1], {"A1": on_base})
    assert [problem.tests for problem in problems] == [(SECRET,), (SECRET,)]
    for finding in map(finding_of, problems):
        assert SECRET in finding.detail, "control: the Director is told"
        assert SECRET not in finding.for_author
        assert not finding.integrity
