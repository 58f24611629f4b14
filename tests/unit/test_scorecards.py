"""Scorecards: the row of each attempt from its events, and the events behind each number."""

from typing import Any

import pytest
from msgspec.structs import replace

from bus.row_form import id_key
from director.services.scorecard_views import AttemptLine
from director.services.scorecards import EVENTS_MAX, _behind
from domain import employee, run_messages, task
from domain.employee import version_of
from domain.judgement import Finding
from domain.message import Event
from projections.accountant import AccountantProjection
from projections.scorecard_rows import ScoredAttempt, VersionFacts
from tests.unit.samples import (
    BAD,
    COST,
    EMPLOYEE,
    FIRST,
    GOOD,
    OTHER_EMPLOYEE,
    PLANNED,
    PROFILE,
    RUN,
    SECOND,
    WITH_SESSIONS,
    happened,
    uuid,
)
from tests.unit.test_leaving import after
from tests.unit.test_projections import recorded

HIRED = (
    employee.Hired(employee=EMPLOYEE, profile=WITH_SESSIONS),
    employee.Hired(employee=OTHER_EMPLOYEE, profile=replace(PROFILE, name="bob", model="org/llama-3:free")),
)
BEGUN = (*HIRED, *[event for event in PLANNED if isinstance(event, run_messages.Submitted | run_messages.Planned)])
(ASSIGNED,) = happened("task.assigned")
(ANSWERED,) = happened("task.call_finished")
(SUBMITTED,) = happened("task.submitted")
(RELEASED,) = happened("task.released")


def sample(event: Event, **changes: Any) -> Event:
    """Return the sample event of the first task with other fields."""
    assert isinstance(event, task.Assigned | task.CallFinished | task.Submitted | task.Released)
    return replace(event, run=RUN, **changes)


def assigned(n: int, who: int = 2, **changes: Any) -> Event:
    order = uuid(1000 + n)
    fields = {"task": FIRST, "employee": uuid(who), "order": order, "attempt": n, "form": "session"} | changes
    return sample(ASSIGNED, **fields)


def verdict(n: int, *, verified: bool, kinds: tuple[str, ...] = ("wrong_value",), **changes: Any) -> Event:
    work: dict[str, Any] = {"run": RUN, "task": FIRST, "employee": EMPLOYEE, "order": uuid(1000 + n)} | changes
    if verified:
        return task.Verified(**work, judgement=GOOD)
    findings = tuple(Finding(kind=kind, integrity=kind == "outside_scope") for kind in kinds)
    return task.Rejected(**work, judgement=replace(BAD, findings=findings))


def receipt(n: int, **changes: Any) -> Event:
    fields = {"task": FIRST, "employee": EMPLOYEE, "order": uuid(1000 + n), "ends": False, "counts": True} | changes
    return sample(ANSWERED, **fields)


def handed_in(n: int, dropped: tuple[str, ...] = ()) -> Event:
    return sample(SUBMITTED, task=FIRST, employee=EMPLOYEE, order=uuid(1000 + n), dropped=dropped)


def row(n: int, *events: Event) -> ScoredAttempt:
    found = after(AccountantProjection(), *BEGUN, *events).get(ScoredAttempt, RUN, id_key(uuid(1000 + n)))
    assert found is not None
    return found


def test_a_verified_attempt_has_its_cost_time_size_and_events() -> None:
    events = (assigned(1), receipt(1), handed_in(1), verdict(1, verified=True))
    found = row(1, *events)
    first = len(BEGUN) + 1
    assert (found.outcome, found.usd, found.criteria, found.number, found.again) == ("verified", COST.usd, 1, 1, False)
    assert found.version == version_of(WITH_SESSIONS)
    assert found.ended_at - found.assigned_at == 2, "until the hand-in: the verdict's time is not the author's"
    assert found.assigned == recorded(first, events[0]).envelope.id
    assert found.ended == recorded(first + 3, events[-1]).envelope.id
    assert row(1, *events[:-1]).outcome == "", "control: no verdict yet"
    assert row(2, assigned(2, task=SECOND)).criteria == 2


def test_what_a_rejection_says_about_its_author() -> None:
    work = (assigned(1), receipt(1), handed_in(1, ("x.py", "y.py")))
    for kinds, false_claim, integrity in (
        (("wrong_result",), True, False),
        (("wrong_value",), False, False),
        (("outside_scope",), False, True),
    ):
        found = row(1, *work, verdict(1, verified=False, kinds=kinds))
        assert (found.outcome, found.dropped, found.false_claim, found.integrity) == (
            *("rejected", 2),
            false_claim,
            integrity,
        )
    answer = row(1, assigned(1, form="answer"), receipt(1), verdict(1, verified=False, kinds=("wrong_result",)))
    assert not answer.false_claim, "control: an answer cannot check itself"


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        ({"ends": True, "counts": True}, "failed"),
        ({"ends": True, "counts": False}, "fault"),
    ],
)
def test_an_end_without_work(end: dict[str, Any], outcome: str) -> None:
    found = row(1, assigned(1), receipt(1, **end))
    assert (found.outcome, found.usd) == (outcome, COST.usd)
    assert found.ended is not None


def test_declines_and_lost_leases() -> None:
    assert isinstance(ANSWERED, task.CallFinished)
    declined = receipt(1, ends=True, snapshot=replace(ANSWERED.snapshot, outcome="declined"))
    assert row(1, assigned(1), declined).outcome == "declined"
    lost = sample(RELEASED, task=FIRST, employee=EMPLOYEE, order=uuid(1001))
    assert row(1, assigned(1), lost).outcome == "fault"


def test_a_second_attempt_of_the_same_employee_is_a_retry() -> None:
    again = (assigned(1), verdict(1, verified=False), assigned(2))
    assert (row(2, *again).again, row(2, *again).number) == (True, 2)
    assert row(2, *again[:-1], assigned(2, who=3)).again is False, "control: another employee"
    assert row(2, *again[:-1], assigned(2, task=SECOND)).again is False, "control: another task"


def test_a_version_names_its_supplier() -> None:
    rows = after(AccountantProjection(), *HIRED)
    facts = rows.get(VersionFacts, version_of(HIRED[1].profile), "version")
    assert facts is not None
    assert (facts.maker, facts.model, facts.agent) == ("meta", "org/llama-3:free", "")
    agent = replace(PROFILE, parameters={"agent": "aider"})
    named = after(AccountantProjection(), employee.Hired(employee=EMPLOYEE, profile=agent))
    found = named.get(VersionFacts, version_of(agent), "version")
    assert found is not None
    assert found.agent == "aider"


def line(n: int, **changes: Any) -> AttemptLine:
    fields: dict[str, Any] = {
        "version": uuid(1),
        "skill": "s",
        "number": 1,
        "again": False,
        "outcome": "verified",
        "dropped": 0,
        "integrity": False,
        "false_claim": False,
        "assigned": uuid(2 * n),
        "ended": uuid(2 * n + 1),
    }
    return AttemptLine(**(fields | changes))


def test_each_number_names_its_newest_events() -> None:
    lines = [line(n) for n in range(EVENTS_MAX + 5)] + [line(99, outcome="rejected", false_claim=True, number=2)]
    behind = {each.number: each for each in _behind(lines)}
    assert set(behind) == {"verified", "first_attempts", "rejected", "false_claims"}
    assert (behind["verified"].count, len(behind["verified"].events)) == (EVENTS_MAX + 5, EVENTS_MAX)
    assert behind["verified"].events[0] == uuid(1)
    assert behind["false_claims"].events == (uuid(199),)
    assert list(_behind([])) == []
