"""The check of a reviewer: its event, the auditor's rule that uses it, and its evidence for routing."""

from typing import Any

import pytest
from msgspec.structs import replace

from agents.auditor.rules import RULES
from bench.audited_log import AuditedLog
from director.cli.reviewers_text import reviewers_text
from director.services.reviewers import ReviewerResult
from domain import run_messages as m
from domain.employee import Hired, RecordReviewerCheck, ReviewerChecked, version_of
from domain.errors import Invalid, NotFound
from domain.judgement import REVIEW
from domain.message import Event
from domain.money import ZERO_USD
from domain.named_staff import is_named
from domain.planning import task_id
from domain.run import RunState
from domain.shadow import GivenTask, ShadowOf
from projections.manager import ManagerProjection
from projections.routing_tables import EvidenceRow, ShadowRun
from tests.unit.given import decide as decide_after
from tests.unit.given import fold, given
from tests.unit.runs import ADMIT, SUBMIT
from tests.unit.samples import (
    AT,
    COMMAND,
    EMPLOYEE,
    EVIDENCE,
    FILES,
    ORDER,
    OTHER_EMPLOYEE,
    PROFILE,
    RUN,
    happened,
    uuid,
)
from tests.unit.test_audit_rules import Firm
from tests.unit.test_leaving import after
from verification.backtest.staff_results import share
from verification.verdict.review import blocked_paths

LIMITS: dict[str, Any] = next(dict(rule.limits) for rule in RULES if rule.kind == "never_disagrees")
VERSION = version_of(PROFILE)
HIRED = Hired(employee=EMPLOYEE, profile=PROFILE)
RECORD = RecordReviewerCheck(
    id=COMMAND,
    at=AT,
    employee=EMPLOYEE,
    employee_version=VERSION,
    planted=2,
    caught=1,
    clean=1,
    objected=0,
    unusable=1,
    runs=tuple(uuid(300 + number) for number in range(4)),
)


def checked(planted: int, caught: int) -> ReviewerChecked:
    runs = tuple(uuid(300 + number) for number in range(planted + 1))
    return ReviewerChecked(
        employee=EMPLOYEE,
        employee_version=VERSION,
        planted=planted,
        caught=caught,
        clean=1,
        objected=0,
        unusable=0,
        runs=runs,
    )


def test_a_check_is_recorded_with_its_runs() -> None:
    given(HIRED).when(RECORD).then(
        ReviewerChecked(
            employee=EMPLOYEE,
            employee_version=VERSION,
            planted=2,
            caught=1,
            clean=1,
            objected=0,
            unusable=1,
            runs=RECORD.runs,
        )
    )
    given().when(RECORD).refused(NotFound, "No employee")


@pytest.mark.parametrize(
    "changes",
    [
        {"caught": 3},
        {"objected": 2},
        {"unusable": -1},
        {"planted": 0, "caught": 0, "clean": 0, "unusable": 0},
        {"runs": ()},
    ],
)
def test_numbers_that_no_check_can_have_are_refused(changes: dict[str, Any]) -> None:
    given(HIRED).when(replace(RECORD, **changes)).refused(Invalid, "is not possible")


def kinds(log: AuditedLog, *events: Event) -> list[str]:
    return [raised.kind for raised in log.add(*events)]


def test_a_low_measured_catch_rate_is_a_finding_once_and_a_high_one_is_none() -> None:
    least, percent = LIMITS["planted_min"], LIMITS["catch_percent_min"]
    enough = -(-least * percent // 100)
    good, weak, few = AuditedLog(), AuditedLog(), AuditedLog()
    assert kinds(good, HIRED, checked(least, enough)) == []
    assert kinds(weak, HIRED, checked(least, enough - 1)) == ["never_disagrees"]
    assert kinds(weak, checked(least, 0)) == [], "it is known already"
    assert kinds(few, HIRED, checked(least - 1, 0)) == [], "too few defects say little"
    assert kinds(few, checked(1, 0)) == ["never_disagrees"], "both checks count together"


def test_a_reviewer_that_passes_everything_is_no_finding_if_its_measured_catch_rate_is_high() -> None:
    reviews, least = LIMITS["reviews_in_a_row"], LIMITS["planted_min"]
    measured, unknown, hardly = Firm(), Firm(), Firm()
    measured.log.add(checked(least, least))
    hardly.log.add(checked(least - 1, least - 1))
    assert measured.many(reviews, review="passed") == []
    assert unknown.many(reviews, review="passed") == ["never_disagrees"], "control: nobody measured it"
    assert hardly.many(reviews, review="passed") == ["never_disagrees"]


def test_the_measure_belongs_to_the_version() -> None:
    firm = Firm()
    firm.log.add(replace(checked(LIMITS["planted_min"], LIMITS["planted_min"]), employee_version=uuid(999)))
    assert firm.many(LIMITS["reviews_in_a_row"], review="passed") == ["never_disagrees"]


REVIEW_PLAN = m.TaskPlan(name=REVIEW, criteria=(), scope=("review.json",), after=("T1", "T2"))
SUBMIT_CHECK = replace(
    SUBMIT,
    plan=(*SUBMIT.plan, REVIEW_PLAN),
    employees=(OTHER_EMPLOYEE,),
    labels={},
    estimate=None,
    shadow=ShadowOf(
        run=uuid(200),
        name=REVIEW,
        given=(GivenTask(name="T1", files=FILES, evidence=EVIDENCE), GivenTask(name="T2", files={})),
    ),
)


def planned() -> tuple[Event, ...]:
    events = (*happened("organisation.founded"), *decide_after(SUBMIT_CHECK))
    events = (*events, *decide_after(ADMIT, *events))
    return (*events, *decide_after(m.Plan(id=COMMAND, at=AT, run=RUN), *events))


def test_in_a_check_only_the_reviewer_works_and_it_sees_the_verdict_of_the_accepted_work() -> None:
    state: RunState = fold("run", *planned())
    (review,) = state.tasks.ready()
    first = state.tasks[task_id(RUN, "T1")]
    assert (review.name, first.evidence, first.files) == (REVIEW, EVIDENCE, FILES)
    assert state.submitted is not None
    assert is_named(state.submitted, review, OTHER_EMPLOYEE)
    assert not is_named(state.submitted, review, EMPLOYEE)
    usual = replace(state.submitted, shadow=None)
    assert is_named(usual, review, EMPLOYEE), "control: another may review a usual run"
    assert EVIDENCE in state.submitted.blobs()


def test_a_review_of_a_check_is_no_evidence_for_routing() -> None:
    review = task_id(RUN, REVIEW)
    work = happened("task.assigned", "task.call_started", "task.call_finished", "task.submitted", "task.verified")
    own = [replace(event, task=review, employee=OTHER_EMPLOYEE, order=ORDER) for event in work]
    rows = after(ManagerProjection(), replace(HIRED, employee=OTHER_EMPLOYEE), *planned(), *own)
    assert rows.all(EvidenceRow) == []
    row = rows.get(ShadowRun, RUN, "run")
    assert row is not None
    assert row.review


@pytest.mark.parametrize(
    ("content", "paths"),
    [
        (b'{"verdict": "pass"}', frozenset()),
        (b'{"verdict": "block", "findings": [{"text": "x", "severity": "high", "path": "a.py"}]}', frozenset({"a.py"})),
        (b'{"verdict": "block", "findings": [{"text": "x", "severity": "high"}]}', frozenset({""})),
        (b'{"verdict": "block", "findings": []}', None),
        (b"no", None),
    ],
)
def test_the_paths_of_a_blocking_review(content: bytes, paths: frozenset[str] | None) -> None:
    assert blocked_paths(content, {"a.py"}) == paths


def test_the_text_shows_both_rates_with_intervals_and_what_was_not_run() -> None:
    result = ReviewerResult(
        employee="rita",
        version=VERSION,
        catch_rate=share(8, 10),
        false_objections=share(1, 5),
        unusable=1,
        not_run=3,
        usd=ZERO_USD,
        event=None,
        reviews=(),
    )
    text = reviewers_text([result])
    assert "8/10" in text
    assert "0.49 to 0.94" in text
    assert "1/5" in text
    assert "3 reviews were not run" in text
    assert "not run" not in reviewers_text([replace(result, not_run=0)])
