"""The tests that a session gets beside its working copy: those of its criteria, with data files, and nothing sealed."""

from decimal import Decimal

from agents.sessions.given_tests import given_tests
from verification.requirements.model import BaseTestChange, Budget, Criterion, Requirement, Suite

CRITERIA = (
    Criterion(
        id="A1",
        says="it adds",
        cases=(),
        over_base=BaseTestChange(files={"tests/test_shop.py": b"new\n", "tests/picture.png": b"\x89\0"}),
        sealed_over_base=BaseTestChange(files={"tests/test_sealed.py": b"sealed\n"}),
    ),
    Criterion(
        id="A2",
        says="a suite passes",
        cases=(),
        suite=Suite(path="acceptance", files={"acceptance/test_all.py": b"suite\n"}),
        sealed_suite=Suite(path="hidden", files={"hidden/test_all.py": b"sealed\n"}),
    ),
)
REQUIREMENT = Requirement(
    title="Shop",
    deliver="library",
    language="python",
    scope=("shop.py",),
    budget=Budget(usd=Decimal(1), tokens=1, minutes=1),
    criteria=CRITERIA,
    tasks=(),
    prose="",
    source=b"",
)


def test_a_session_gets_the_test_files_of_its_criteria_also_those_that_are_no_text() -> None:
    assert given_tests(REQUIREMENT, ["A1"]) == {"tests/test_shop.py": b"new\n", "tests/picture.png": b"\x89\0"}
    assert given_tests(REQUIREMENT, ["A2"]) == {"acceptance/test_all.py": b"suite\n"}
    assert given_tests(REQUIREMENT, []) == {}


def test_a_session_also_gets_the_tests_of_the_base_that_its_prompt_names() -> None:
    named = {"tests/test_shop.py": "older\n", "tests/test_base.py": "of the base\n"}
    files = given_tests(REQUIREMENT, ["A1"], named)
    assert (files["tests/test_shop.py"], files["tests/test_base.py"]) == (b"new\n", b"of the base\n")


def test_no_sealed_test_is_given() -> None:
    """The control: the requirement has sealed tests."""
    assert all(criterion.sealed_over_base or criterion.sealed_suite for criterion in CRITERIA)
    assert not [path for path, content in given_tests(REQUIREMENT, ["A1", "A2"]).items() if content == b"sealed\n"]
