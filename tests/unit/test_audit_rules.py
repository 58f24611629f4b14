"""Every rule of the Auditor with a trigger and a near miss, false alarms, and the table on its page."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from agents.auditor.rules import RULES
from bench.audit_rules import RATES, delay_of, honest_alarms, regression_alarms
from bench.audited_log import EVENT_IDS, AuditedLog
from bench.honest_work import judgement
from domain import employee, incident, refusal, run_messages, task
from domain.judgement import GateRecord
from domain.money import ZERO_USD, Amount
from domain.snapshot import PromptRecord
from tests.unit.samples import EMPLOYEE, PRINCIPAL, PROFILE, RUN, SNAPSHOT, WITH_SESSIONS, uuid

PAGE = Path(__file__).resolve().parents[2] / "docs" / "workforce.md"
LIMITS = {rule.kind: rule.limits for rule in RULES}
NOTHING = Amount(ZERO_USD, 0)
OTHER_MODEL = replace(PROFILE, model="another")


class Firm:
    """One employee and its tasks. Each method adds the events of one attempt."""

    def __init__(self, *, session: bool = False) -> None:
        self.log = AuditedLog()
        self.form: Any = "session" if session else "answer"
        self.task = 1000
        self.order = 5000
        self.hire(WITH_SESSIONS if session else PROFILE)

    def hire(self, profile: employee.Profile) -> None:
        self.log.add(employee.Hired(employee=EMPLOYEE, profile=profile))

    def attempt(
        self,
        *ends: Callable[..., Any],
        same_task: bool = False,
        calls: int = 1,
        tokens: int = 2000,
        s: float = 8.0,
        lease_s: int = LIMITS["stalled_run"]["lease_seconds_min"],
    ) -> list[str]:
        """Assign a task, make calls, and add the end of the attempt. Return the kinds of the incidents."""
        self.order += 1
        self.task += not same_task
        of: dict[str, Any] = {"run": RUN, "task": uuid(self.task), "employee": EMPLOYEE, "order": uuid(self.order)}
        events: list[Any] = [
            task.Assigned(**of, attempt=1, seed=1, reservation=NOTHING, due_at=0, form=self.form),
            *self.called(of, calls, tokens, s),
        ]
        raised = self.log.add(*events)
        self.log.now += lease_s * 1_000_000
        return [each.kind for each in (*raised, *self.log.add(*(end(**of) for end in ends)))]

    def called(self, of: dict[str, Any], calls: int, tokens: int, s: float) -> list[Any]:
        snapshot = replace(SNAPSHOT, latency_s=s)
        return [
            event
            for index in range(calls)
            for event in (
                task.CallStarted(**of, index=index),
                task.CallFinished(
                    **of, index=index, snapshot=snapshot, charged=Amount(ZERO_USD, tokens), prompt=self.prompt(index)
                ),
            )
        ]

    def prompt(self, index: int) -> PromptRecord:
        return PromptRecord(messages=(f"exchange {self.order} {index}",)) if self.form == "session" else PromptRecord()

    def judged(self, *kinds: str, dropped: bool = False, review: str = "", **more: Any) -> list[str]:
        """Hand in work, and judge it: rejected with these kinds of findings, or verified without any."""

        def submitted(**of: Any) -> Any:
            return task.Submitted(**of, files={}, tree=str(of["order"]), dropped=("x.txt",) if dropped else ())

        return self.attempt(submitted, verdict(*kinds, review=review), **more)

    def many(self, count: int, *kinds: str, **more: Any) -> list[str]:
        return [kind for _ in range(count) for kind in self.judged(*kinds, **more)]


def verdict(*kinds: str, review: str = "", integrity: bool = False) -> Callable[..., Any]:
    event = task.Rejected if kinds else task.Verified
    return lambda **of: event(**of, judgement=judgement(*kinds, review=review, integrity=integrity))


def ended(outcome: str, *, counts: bool = True) -> Callable[..., Any]:
    return lambda **of: task.AttemptEnded(**of, outcome=outcome, message="m", counts=counts)


def released(**of: Any) -> task.Released:
    return task.Released(**of, reason="lease_ended", cut_off=True, charged=Amount(ZERO_USD, 5))


def last(firm: Firm, kind: str) -> incident.Raised:
    return next(raised for raised in reversed(firm.log.raised) if raised.kind == kind)


def test_a_breach_of_integrity_is_a_strike_and_an_honest_rejection_is_not() -> None:
    firm = Firm()
    assert firm.attempt(verdict("wrong_result")) == []
    assert firm.attempt(verdict("tampering", integrity=True)) == ["integrity"]
    raised = last(firm, "integrity")
    assert (raised.strike, raised.severity, raised.follows, raised.measured) == (True, "major", "", {"findings": 1})
    assert raised.evidence == (UUID(int=EVENT_IDS + firm.log.seq - 1),)


def test_a_lease_that_ends_is_a_stalled_task_and_an_end_is_not() -> None:
    firm = Firm()
    assert firm.attempt(ended("no_code")) == []
    assert firm.attempt(released) == ["stalled_task"]


def test_a_run_whose_attempts_all_stall_is_paused_and_one_hand_in_between_prevents_it() -> None:
    firm = Firm()
    limit = LIMITS["stalled_run"]["leases_in_a_row"]
    for _ in range(limit - 1):
        assert firm.attempt(released) == ["stalled_task"]
    assert firm.judged() == []
    short = Firm()
    lease_s = LIMITS["stalled_run"]["lease_seconds_min"] - 1
    assert [kind for _ in range(limit) for kind in short.attempt(released, lease_s=lease_s)] == ["stalled_task"] * limit
    kinds = [kind for _ in range(limit) for kind in firm.attempt(released)]
    assert kinds.count("stalled_run") == 1
    raised = last(firm, "stalled_run")
    assert (raised.severity, raised.follows, raised.run, raised.employee) == ("severe", "pause_run", RUN, None)
    assert len(raised.evidence) == limit
    assert firm.attempt(released) == ["stalled_task"], "it is raised once"
    firm.log.add(run_messages.Ended(run=RUN, outcome="rejected", reason="x"))
    assert [lapsed.incident for lapsed in firm.log.lapsed] == [raised.incident]


def test_three_failures_of_one_employee_on_one_task_are_repeated_and_two_are_not() -> None:
    firm = Firm()
    assert firm.judged("sealed_failed") == []
    assert firm.attempt(ended("no_code"), same_task=True) == []
    for fault in (ended("connection", counts=False), ended(task.DECLINED)):
        assert firm.attempt(fault, same_task=True) == [], "a fault, or an honest answer that it cannot be done"
    assert firm.judged("sealed_failed", same_task=True) == ["repeated_failure"]
    assert len(last(firm, "repeated_failure").evidence) == 3
    assert [firm.judged("sealed_failed") for _ in range(5)] == [[]] * 5, "other tasks"


@pytest.mark.parametrize("session", [False, True])
def test_a_call_or_a_session_far_above_the_median_is_a_cost_spike(session: bool) -> None:
    firm = Firm(session=session)
    least = LIMITS["cost_spike"]["values_min"]
    for number in range(least):
        assert firm.judged(tokens=1900 + number * 20) == []
    assert firm.judged(tokens=4 * 2000) == [], "a near miss"
    assert firm.judged(tokens=6 * 2000) == ["cost_spike"]
    assert firm.judged(tokens=6 * 2000) == [], "one of the last values was a spike"
    raised = last(firm, "cost_spike")
    assert raised.measured["tokens"] == 12000
    assert raised.employee_version is not None


def test_the_calls_of_a_session_may_grow() -> None:
    firm = Firm(session=True)
    for _ in range(LIMITS["cost_spike"]["values_min"] + 1):
        assert firm.judged(calls=12, tokens=100) == []
    assert firm.judged(calls=24, tokens=100) == []


def test_a_slow_call_is_a_latency_spike_and_a_short_one_never_is() -> None:
    slow, short = Firm(), Firm()
    for _ in range(LIMITS["latency_spike"]["values_min"]):
        assert slow.judged(s=8.0) == short.judged(s=0.1) == []
    assert slow.judged(s=39.0) == []
    assert slow.judged(s=41.0) == ["latency_spike"]
    assert short.judged(s=4.9) == [], "49 times the median, but below ms_min"


def test_a_wide_spread_needs_a_larger_spike() -> None:
    firm = Firm()
    for number in range(20):
        firm.judged(tokens=1000 * 2 ** (number % 6))
    assert firm.judged(tokens=60_000) == []


def test_too_few_calls_are_no_measure() -> None:
    firm = Firm()
    for _ in range(LIMITS["cost_spike"]["values_min"] - 1):
        firm.judged()
    assert firm.judged(tokens=10**6, s=1000.0) == []


def test_a_regression_pauses_the_employee_until_another_version() -> None:
    firm = Firm()
    assert firm.many(60) == []
    assert firm.many(3, "sealed_failed") == [], "a near miss: three failures"
    assert firm.many(20) == []
    kinds = firm.many(12, "sealed_failed")
    assert kinds == ["regression"]
    raised = last(firm, "regression")
    assert (raised.severity, raised.follows, raised.employee, raised.run) == (
        "severe",
        "pause_employee",
        EMPLOYEE,
        None,
    )
    assert raised.measured["before_verified"] > 0.9 * raised.measured["before_tasks"]
    assert raised.measured["weight_millibits"] >= LIMITS["regression"]["weight_millibits_min"]
    assert raised.employee_version == employee.version_of(PROFILE)
    assert firm.many(10, "sealed_failed") == [], "an open finding prevents a second one"
    firm.hire(replace(PROFILE, slots=7))
    assert firm.log.lapsed == [], "the same version"
    firm.hire(OTHER_MODEL)
    assert [lapsed.incident for lapsed in firm.log.lapsed] == [raised.incident]
    assert firm.many(10, "sealed_failed") == [], "the new version has no better past"


def test_repeated_attempts_at_one_task_are_one_outcome() -> None:
    firm = Firm()
    firm.many(60)
    kinds = firm.judged("sealed_failed") + firm.many(20, "sealed_failed", same_task=True)
    assert set(kinds) == {"repeated_failure"}


def test_a_newcomer_that_fails_has_no_regression() -> None:
    assert Firm().many(30, "sealed_failed") == []


def test_a_session_that_repeats_one_exchange_is_stuck() -> None:
    firm = Firm(session=True)
    limit = LIMITS["stuck_loop"]["equal_exchanges"]
    firm.prompt = lambda index: PromptRecord(messages=("same",) if index % 2 else (f"{index}",))  # type: ignore[method-assign]  # every second exchange is the same
    assert firm.judged(calls=2 * limit - 1) == []
    assert firm.judged(calls=2 * limit) == ["stuck_loop"]


def test_a_session_that_ends_as_stuck_is_one_and_another_end_is_not() -> None:
    firm = Firm(session=True)
    assert firm.attempt(ended("no_code")) == []
    assert firm.attempt(ended("stuck")) == ["stuck_loop"]


def test_an_employee_that_only_repeats_a_rejected_tree_is_stuck() -> None:
    firm = Firm()
    assert firm.judged("sealed_failed") == []
    assert firm.judged("repeated", same_task=True) == [], "a near miss: one repeat"
    assert firm.judged("repeated", same_task=True) == ["repeated_failure", "stuck_loop"]


def test_many_hand_ins_outside_the_scope_are_a_drift() -> None:
    firm = Firm(session=True)
    limits = LIMITS["scope_drift"]
    assert firm.many(limits["dropped_min"] - 1, dropped=True) == []
    assert firm.many(limits["hand_ins"] - limits["dropped_min"] + 1) == []
    assert firm.judged(dropped=True) == [], "the oldest is forgotten"
    assert firm.many(limits["dropped_min"] - 1, dropped=True) == ["scope_drift"]


def test_work_that_its_author_could_have_refuted_is_a_claim_beyond_the_verdict() -> None:
    least = LIMITS["claims_beyond_verdict"]["refuted_min"]
    firm = Firm(session=True)
    assert firm.many(least - 1, "wrong_result") == []
    assert firm.many(5, "sealed_failed") == [], "the author could not know these"
    assert firm.judged("wrong_result") == ["claims_beyond_verdict"]
    assert Firm().many(2 * least, "wrong_result") == [], "an answer cannot run a check"


@pytest.mark.parametrize(("review", "expected"), [("passed", ["claims_beyond_verdict"]), ("failed", [])])
def test_a_review_that_passed_rejected_work_claimed_too_much(review: str, expected: list[str]) -> None:
    firm = Firm()
    firm.judged(review=review)
    rejected = run_messages.Rejected(run=RUN, judgement=judgement("regression"))
    assert [raised.kind for raised in firm.log.add(rejected)] == expected
    assert firm.log.add(run_messages.Verified(run=RUN, judgement=judgement())) == []


def test_a_reviewer_that_never_disagrees_is_noticed_once() -> None:
    firm = Firm()
    limit = LIMITS["never_disagrees"]["reviews_in_a_row"]
    assert firm.many(limit - 1, review="passed") == []
    assert firm.judged(review="failed") == []
    assert firm.many(limit - 1, review="passed") == []
    assert firm.judged(review="passed") == ["never_disagrees"]
    assert firm.many(10, review="passed") == []


@pytest.mark.parametrize(
    ("gate", "result", "expected"),
    [
        ("mutation", "noted", ["weak_criteria"]),
        ("mutation", "passed", []),
        ("red_first", "noted", []),
    ],
)
def test_cases_that_notice_no_mistakes_are_weak(gate: str, result: str, expected: list[str]) -> None:
    firm = Firm()
    record = GateRecord(gate=gate, grade="C", result=result, seconds=1.0, text="3 of 6")
    verified = run_messages.Verified(run=RUN, judgement=replace(judgement(), gates=(record,)))
    assert [raised.kind for raised in firm.log.add(verified)] == expected


def refused(count: int = 1) -> refusal.CommandRefused:
    return refusal.CommandRefused(principal=PRINCIPAL, command="Assign", code="refused", message="no", count=count)


def test_many_refusals_in_a_short_time_are_noticed_and_in_a_long_time_are_not() -> None:
    limits = LIMITS["repeated_refusals"]
    minute = 60_000_000
    slow, fast = AuditedLog(), AuditedLog()
    for _ in range(3 * limits["refusals_min"]):
        slow.now += minute
        assert slow.add(refused()) == []
    assert fast.add(*[refused()] * (limits["refusals_min"] - 1)) == []
    (raised,) = fast.add(refused(), refused())
    assert (raised.kind, raised.severity, raised.measured["refusals"]) == (
        "repeated_refusals",
        "major",
        limits["refusals_min"],
    )
    fast.now += limits["window_minutes"] * minute + 1
    assert fast.add(refused(limits["refusals_min"] - 1)) == []
    assert [raised.kind for raised in fast.add(refused(5))] == ["repeated_refusals"], "a summary counts each refusal"


def test_severe_is_what_pauses_and_the_event_says_so() -> None:
    assert {rule.kind: rule.follows for rule in RULES if rule.severity == "severe"} == {
        "regression": "pause_employee",
        "stalled_run": "pause_run",
    }
    assert [rule.kind for rule in RULES if rule.follows and rule.severity != "severe"] == []
    kinds = {rule.kind for rule in RULES} | {"void_event", "parked_event"}
    assert kinds == set(incident.SEVERITIES), "the consumers raise the last two themselves"


def test_every_limit_is_in_the_sentence_of_its_rule() -> None:
    for rule in RULES:
        named = set(re.findall(r"`([a-z_]+)`", rule.says))
        inherited = {"latency_spike": set(LIMITS["cost_spike"])}.get(rule.kind, set())
        assert set(rule.limits) <= named | inherited, rule.kind


def test_the_page_has_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for rule in RULES:
        limits = ", ".join(f"{name} {value}" for name, value in rule.limits.items()) or "none"
        assert f"| `{rule.kind}` | {rule.severity} | {rule.follows or '-'} | {limits} | {rule.says} |" in text


def test_honest_work_causes_few_incidents() -> None:
    """At most one in 1,000 tasks for each rule that weighs numbers. The other rules report what happened."""
    honest = honest_alarms(2000, seed=3)
    assert honest.tasks >= 2000
    facts = {"stalled_task", "repeated_failure"}
    assert {kind: count for kind, count in honest.by_rule.items() if count > 2 and kind not in facts} == {}
    assert honest.by_rule["stalled_task"] > 0, "control: the world is not empty"


def test_a_large_regression_is_seen_within_20_tasks() -> None:
    seen = delay_of(0.9, 0.4, trials=30, seed=4)
    assert seen.median is not None
    assert seen.median <= 20
    assert delay_of(0.9, 0.9, trials=10, seed=4).median is None, "control: without a change nothing is seen"


@pytest.mark.slow
@pytest.mark.ci
def test_20000_honest_tasks_cause_at_most_one_false_alarm_in_1000() -> None:
    for rate in RATES:
        for strength in (None, 6.0):
            assert regression_alarms(rate, 20_000, seed=5, strength=strength) <= 20, (rate, strength)
    honest = honest_alarms(20_000, seed=5)
    facts = {"stalled_task", "repeated_failure"}
    assert {kind: count for kind, count in honest.by_rule.items() if count > 20 and kind not in facts} == {}
    medians = [delay_of(0.9, after, trials=100, seed=5).median for after in (0.4, 0.5, 0.6)]
    assert medians == sorted(medians, key=lambda value: value or 10**9)
    assert medians[0] is not None
    assert medians[0] <= 20
