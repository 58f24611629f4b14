"""A previously rejected answer: it is recognised, it is not judged again, and the number of repeats is limited."""

from typing import Any, get_args
from uuid import UUID

import pytest
from msgspec.structs import replace

from agents.manager import routing
from domain.errors import LimitReached
from domain.judgement import Finding as Told
from domain.message import Event
from domain.repeats import REPEATED, REPEATS_MIN, repeats_max
from domain.run import RunState
from domain.task import Judge, TaskState
from tests.unit.given import decide, fold, given
from tests.unit.runs import ASSIGN
from tests.unit.samples import (
    BAD,
    BLOB,
    EMPLOYEE,
    EVIDENCE,
    FIRST,
    OTHER_EMPLOYEE,
    OTHER_TREE,
    PLANNED,
    PROFILE,
    SUBMITTED,
    TREE,
)
from tests.unit.test_task import JUDGE
from verification.requirements.parser import parse_requirement
from verification.verdict.model import Finding, FindingKind, Verdict
from verification.verdict.repeat import GATE, OF_THE_TREE, repeated

ASSIGNED, STARTED, FINISHED, HANDED_IN = SUBMITTED[len(PLANNED) :]
AGAIN = replace(BAD, findings=(Told(kind=REPEATED, integrity=False), Told(kind="wrong_result", integrity=False)))
ATTEMPTS_MAX = 10
LAW = tuple(replace(event, attempts_max=ATTEMPTS_MAX) if hasattr(event, "attempts_max") else event for event in PLANNED)


def attempt(number: int, judgement: Any = BAD, *, tree: str = TREE, who: UUID = EMPLOYEE) -> tuple[Event, ...]:
    """Return the events of one attempt that ends with this rejection."""
    verdict: Judge = replace(JUDGE, judgement=replace(judgement, tree=tree), employee=who)
    order = (replace(ASSIGNED, attempt=number), STARTED, FINISHED, replace(HANDED_IN, tree=tree))
    events = tuple(replace(event, employee=who) for event in order)
    return (*events, *decide(verdict, *PLANNED, *events))


def repeats(times: int, who: UUID = EMPLOYEE) -> tuple[Event, ...]:
    """Return a first rejection and this number of repeats of the same answer."""
    more = (event for number in range(times) for event in attempt(number + 2, AGAIN, who=who))
    return (*LAW, *attempt(1, who=who), *more)


def task_after(*events: Event) -> TaskState:
    state: RunState = fold("run", *events)
    return state.tasks[FIRST]


def test_a_rejected_tree_is_known_with_its_attempt_and_its_verdict() -> None:
    task = task_after(*LAW, *attempt(1), *attempt(2, tree=OTHER_TREE))
    assert {tree: known.attempt for tree, known in task.rejected.items()} == {TREE: 1, OTHER_TREE: 2}
    assert {known.evidence for known in task.rejected.values()} == {EVIDENCE}
    assert task_after(*LAW).rejected == {}


def test_a_repeat_is_counted_for_its_author_and_names_the_first_attempt_still() -> None:
    task = task_after(*repeats(2))
    assert (task.rejected[TREE].attempt, task.repeats) == (1, {EMPLOYEE: 2})
    new = task_after(*repeats(2), *attempt(4, tree=OTHER_TREE))
    assert new.repeats == {EMPLOYEE: 0}, "another answer begins the count anew"


def test_a_rejection_that_was_judged_again_is_the_one_that_counts() -> None:
    later = replace(BAD, evidence=BLOB)
    task = task_after(*LAW, *attempt(1), *attempt(2, later))
    assert (task.rejected[TREE].attempt, task.rejected[TREE].evidence) == (2, BLOB)
    assert task.repeats == {EMPLOYEE: 0}


@pytest.mark.parametrize(("attempts_max", "most"), [(1, 2), (4, 2), (6, 3), (75, 37)])
def test_half_of_the_attempts_may_be_repeats_in_a_row(attempts_max: int, most: int) -> None:
    assert repeats_max(attempts_max) == most >= REPEATS_MIN


def test_whoever_only_repeats_has_no_further_attempt_and_others_have() -> None:
    most = repeats_max(ATTEMPTS_MAX)
    next_one = replace(ASSIGN, attempt=most + 2)
    given(*repeats(most)).when(next_one).refused(LimitReached, "times in a row. repeats_max is 5")
    assert decide(replace(next_one, employee=OTHER_EMPLOYEE), *repeats(most))
    assert decide(replace(next_one, attempt=most + 1), *repeats(most - 1))


def test_nobody_is_left_when_all_the_staff_repeat() -> None:
    most = repeats_max(ATTEMPTS_MAX)
    state: RunState = fold("run", *repeats(most))
    task = state.tasks[FIRST]
    alone = routing.StaffCapacity(profiles={EMPLOYEE: PROFILE})
    both = routing.StaffCapacity(profiles={EMPLOYEE: PROFILE, OTHER_EMPLOYEE: PROFILE})
    assert routing.barred(task, state, both) == {EMPLOYEE}
    assert routing.nobody_left(task, state, alone)
    assert not routing.nobody_left(task, state, both)
    assert not routing.nobody_left(task, state, routing.StaffCapacity()), "nobody works: the run waits"
    assert not routing.nobody_left(
        task, state, routing.StaffCapacity(profiles=alone.profiles, resting={OTHER_EMPLOYEE})
    )


def test_a_run_that_goes_back_to_work_forgets() -> None:
    from domain.returning import _opened_again

    task = _opened_again(task_after(*repeats(2)), ())
    assert (task.rejected, task.repeats) == ({}, {})


SOURCE = """---
aura: 1
title: Doubles
deliver: {deliver}
scope: ["m.py"]
budget: {{usd: "1.00", tokens: 1000, minutes: 1}}
{more}---
# Doubles

```yaml acceptance
- id: A1
  says: it doubles
  cases:
    - {case}
```
"""
CALL = SOURCE.format(deliver="library", more="", case='{call: "m:f", args: [1], returns: 2}')
SERVICE = SOURCE.format(
    deliver="http",
    more='serve: {run: ["python3", "-m", "m"], ready: "GET /health"}\n',
    case='{request: "GET /double", status: 200}',
)


def verdict(*findings: Finding) -> Verdict:
    return Verdict(
        verified=not findings,
        tree=TREE,
        grade="C",
        criteria=(),
        findings=findings,
        seed=1,
        sandbox="none",
        not_held=(),
        wall_s=3.0,
    )


def given_again(*findings: Finding, source: str = CALL) -> Verdict | None:
    requirement = parse_requirement(source.encode(), None, name="m.md", folder=None)
    return repeated(verdict(*findings), requirement, attempt=3, evidence=EVIDENCE, seed=9)


@pytest.mark.parametrize("kind", sorted(OF_THE_TREE))
def test_what_follows_from_the_tree_is_said_again_and_names_the_attempt(kind: FindingKind) -> None:
    again = given_again(Finding(kind=kind, criterion="A1", for_author="why"))
    assert again is not None
    assert not again.verified
    assert (again.seed, again.wall_s) == (9, 0.0)
    assert [finding.kind for finding in again.findings] == [REPEATED, kind]
    assert "attempt 3" in again.findings[0].detail
    assert "attempt 3" in again.findings[0].for_author
    assert [(gate.gate, gate.result) for gate in again.gates] == [(GATE, "failed")]
    assert again.gates[0].evidence == {"attempt": 3, "verdict": EVIDENCE}


@pytest.mark.parametrize("kind", sorted(set(get_args(FindingKind)) - OF_THE_TREE))
def test_control_what_a_machine_may_have_caused_is_judged_again(kind: FindingKind) -> None:
    assert given_again(Finding(kind=kind, criterion="A1")) is None


def test_beside_a_reason_of_the_tree_those_of_the_machine_are_left_out() -> None:
    again = given_again(Finding(kind="timeout", criterion="A1"), Finding(kind="wrong_result", criterion="A1"))
    assert again is not None
    assert [finding.kind for finding in again.findings] == [REPEATED, "wrong_result"]


@pytest.mark.parametrize(("reason", "again"), [("wrong_result", True), ("timeout", False)])
@pytest.mark.parametrize("kind", ["sealed_failed", "property_failed"])
def test_of_sealed_cases_and_properties_their_own_reasons_decide(
    kind: FindingKind, reason: FindingKind, again: bool
) -> None:
    assert (given_again(Finding(kind=kind, criterion="A1", reasons=(reason,))) is not None) is again


def test_a_service_is_judged_again_but_for_a_strike() -> None:
    assert given_again(Finding(kind="wrong_result", criterion="A1"), source=SERVICE) is None
    assert given_again(Finding(kind="steering_file", path="conftest.py"), source=SERVICE) is not None
    assert given_again(Finding(kind="wrong_result", criterion="A1")) is not None


def test_a_tree_that_was_verified_is_no_repeat() -> None:
    assert given_again() is None
