"""The content of a brief: only visible cases, signatures from the cases, and files within the scope."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agents.briefs.brief import Brief, brief_of
from domain.errors import NotFound
from verification.requirements.model import Budget, Case, Criterion, Expectation, Requirement, RequirementTask, Step

SECRET = "only-sealed-7781"


def call(target: str, *args: Any, returns: Any = None, **more: Any) -> Case:
    """Return a case with one call."""
    return Case(
        steps=(Step(action="call", target=target, args=args, expect=Expectation(returns=returns), **more),), line=1
    )


def requirement(
    *cases: Case, says: str = "it works", prose: str = "Prose.", scope: tuple[str, ...] = ("slug.py",)
) -> Requirement:
    """Return a requirement of one task, with one sealed case."""
    sealed = (call("slug:slug", SECRET, returns=SECRET),)
    return Requirement(
        title="Slug maker",
        deliver="library",
        language="python",
        scope=scope,
        budget=Budget(usd=Decimal(1), tokens=1, minutes=1),
        criteria=(
            Criterion(id="A1", says=says, cases=cases, sealed=sealed),
            Criterion(id="A2", says="another task's", cases=(call("other:other", 5),)),
        ),
        tasks=(
            RequirementTask(id="T1", criteria=("A1",), scope=scope),
            RequirementTask(id="T2", criteria=("A2",), scope=("other.py",)),
        ),
        prose=prose,
        source=SECRET.encode(),
        sealed_source=SECRET.encode(),
    )


def briefed(*cases: Case, base: Mapping[str, bytes] | None = None, **more: Any) -> Brief:
    """Return the brief of T1."""
    return brief_of(requirement(*cases, **more), "T1", base=base or {})


def test_nothing_sealed_is_told() -> None:
    brief = briefed(call("slug:slug", "a b", returns="a-b"))
    encoded = msgspec.json.encode(brief)
    assert SECRET.encode() not in encoded
    assert b"a-b" in encoded
    assert msgspec.json.decode(encoded, type=Brief) == brief


def test_other_tasks_criteria_are_not_told() -> None:
    assert [criterion.id for criterion in briefed(call("slug:slug", "a")).criteria] == ["A1"]


def test_an_unknown_task_names_the_known_ones() -> None:
    with pytest.raises(NotFound, match="T1, T2"):
        brief_of(requirement(call("slug:slug", "a")), "T9", base={})


def test_parameter_names_come_from_the_criterion_or_the_prose() -> None:
    case = call("slug:slug", "a", 2)
    assert briefed(case, says="`slug(text, width)` cuts").signatures == ("def slug(text, width)",)
    assert briefed(case, prose="Call slug(text, width).").signatures == ("def slug(text, width)",)


def test_a_use_with_fewer_names_or_with_values_is_not_a_signature() -> None:
    case = call("slug:slug", "a", 2)
    assert briefed(case, says="slug(text) and slug('a', 2)").signatures == ("def slug(a, b)",)


def test_optional_and_keyword_parameters() -> None:
    cases = (call("slug:slug", "a"), call("slug:slug", "a", 2, kwargs={"sep": "-"}))
    assert briefed(*cases).signatures == ("def slug(a, b=None, sep=None)",)


def test_classes_are_signatures_and_methods_are_not() -> None:
    steps = (
        Step(action="new", target="slug:History", bind="h"),
        Step(action="call", target="$h.add", args=("a b",)),
        Step(action="call", target="$h.all", expect=Expectation(returns=["a-b"])),
    )
    brief = briefed(Case(steps=steps, line=1))
    assert brief.signatures == ("class History",)
    assert brief.criteria[0].examples == ("h = History(); h.add('a b'); h.all() == ['a-b']",)


@pytest.mark.parametrize(
    ("expect", "shown"),
    [
        (Expectation(returns=True), "slug('a') == True"),
        (Expectation(returns=None), "slug('a') == None"),
        (Expectation(returns={"$tuple": [1]}), "slug('a') == (1,)"),
        (Expectation(returns={"$set": []}), "slug('a') == set()"),
        (Expectation(returns={"$set": [1, 2]}), "slug('a') == {1, 2}"),
        (Expectation(returns={"$decimal": "1.5"}), "slug('a') == <decimal '1.5'>"),
        (Expectation(returns={"$any": True}), "slug('a') == <anything>"),
        (Expectation(returns={"a": [1]}), "slug('a') == {'a': [1]}"),
        (
            Expectation(raises="ValueError", message_matches="empty"),
            "slug('a') raises ValueError with a message that matches 'empty'",
        ),
        (Expectation(), "slug('a')"),
    ],
)
def test_examples_read_like_python(expect: Expectation, shown: str) -> None:
    step = Step(action="call", target="slug:slug", args=("a",), expect=expect)
    assert briefed(Case(steps=(step,), line=1)).criteria[0].examples == (shown,)


def test_a_run_is_shown_with_its_outcome() -> None:
    step = Step(action="run", argv=("slug", "A B"), expect=Expectation(exit=0, stdout="a-b\n"))
    assert briefed(Case(steps=(step,), line=1)).criteria[0].examples == ("$ slug A B -> exit 0, stdout 'a-b\\n'",)


def test_files_of_the_base_within_scope_are_shown() -> None:
    base = {"slug.py": b"x = 1\n", "other.py": b"secret = 2\n", "slug.bin": b"\xff"}
    assert briefed(call("slug:slug", "a"), base=base).base_files == {"slug.py": "x = 1\n"}
    assert briefed(call("slug:slug", "a"), base={"slug.py": b"\xff"}).base_files == {}
