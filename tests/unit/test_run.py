"""A run: admitted with its whole budget, planned, worked within its limits, merged, delivered, approved, ended once."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from domain import run_messages as m
from domain.errors import Conflict, Invalid, LimitReached, NotFound, Refused
from domain.message import Erased, Event
from domain.money import NOTHING, Amount
from domain.organisation import BudgetReserved
from domain.run import ATTEMPTS_MAX_LIMIT, MINUTE_US, MINUTES_MAX, RunState, decide, files_of, initial
from domain.task import Assign, Assigned
from tests.unit.given import decide as decide_after
from tests.unit.given import fold, given
from tests.unit.samples import (
    ADMITTED,
    ALLOWANCE,
    ASSIGNED,
    AT,
    BAD,
    BLOB,
    BUDGET,
    CALL,
    COMMAND,
    EMPLOYEE,
    EVIDENCE,
    FIRST,
    GOOD,
    ORDER,
    OTHER_TREE,
    PLAN,
    PLANNED,
    RUN,
    SECOND,
    SUBMITTED,
    TREE,
    happened,
    uuid,
)

SUBMIT = m.Submit(
    id=COMMAND,
    at=AT,
    run=RUN,
    title="Slug maker",
    requirement=BLOB,
    sealed=EVIDENCE,
    allowance=ALLOWANCE,
    plan=PLAN,
    attempts_max=2,
)
ADMIT = m.Admit(id=COMMAND, at=AT, run=RUN)
ASSIGN = Assign(
    id=COMMAND,
    at=AT,
    run=RUN,
    task=FIRST,
    employee=EMPLOYEE,
    order=ORDER,
    attempt=1,
    seed=7,
    reservation=CALL,
    due_at=AT + MINUTE_US,
)
END = m.End(id=COMMAND, at=AT, run=RUN, outcome="cancelled", reason=" enough ")
STAGES: tuple[tuple[m.RunCommand, str], ...] = (
    (m.Plan(id=COMMAND, at=AT, run=RUN), "run.planned"),
    (m.JudgeMerged(id=COMMAND, at=AT, run=RUN, judgement=GOOD), "run.verified"),
    (m.StartDelivery(id=COMMAND, at=AT, run=RUN), "run.delivery_started"),
    (
        m.FinishDelivery(id=COMMAND, at=AT, run=RUN, commit="c" * 40, folder="deliveries/slug", branch="main"),
        "run.delivered",
    ),
    (m.Approve(id=COMMAND, at=AT, run=RUN, reason="I ran it"), "run.approved"),
    (m.FinishRelease(id=COMMAND, at=AT, run=RUN, commit="c" * 40, ref="refs/tags/release"), "run.released"),
)
FIRST_VERIFIED = (*SUBMITTED, *happened("task.verified"))
ALL_VERIFIED = (*FIRST_VERIFIED, *(replace(event, task=SECOND) for event in FIRST_VERIFIED[len(PLANNED) :]))
(CHARGED,) = happened("task.call_finished")
WAY = (*ALL_VERIFIED, *happened("run.merged", *(name for _, name in STAGES[1:])))


def before(name: str) -> tuple[Event, ...]:
    """The way up to, without, the event of this type."""
    return WAY[: [event.type for event in WAY].index(name)]


def with_budget(amount: Amount, minutes: int = 20, attempts_max: int = 2) -> tuple[Event, ...]:
    """Submitted with other limits, and nothing else."""
    allowance = m.Allowance(amount=amount, minutes=minutes)
    return decide_after(replace(SUBMIT, allowance=allowance, attempts_max=attempts_max))


def test_it_is_submitted_once() -> None:
    given().when(SUBMIT).then(*happened("run.submitted"))
    given(*happened("run.submitted")).when(SUBMIT).refused(Conflict, "is there already")


def test_the_id_of_a_purged_run_stays_taken() -> None:
    erased = Erased(type="run.submitted", entity_kind="run", entity_id=RUN, run=RUN)
    given(erased).when(SUBMIT).refused(Conflict, "is there already")
    given(replace(erased, type="incident.raised")).when(SUBMIT).then(*happened("run.submitted"))


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (replace(SUBMIT, plan=()), "at least one task"),
        (replace(SUBMIT, plan=(PLAN[0], PLAN[0])), "T1 is there twice"),
        (replace(SUBMIT, plan=PLAN[::-1]), "before what it needs"),
        (replace(SUBMIT, plan=(replace(PLAN[0], after=("T1",)),)), "before what it needs"),
        (replace(SUBMIT, attempts_max=0), "attempts_max is 0"),
        (replace(SUBMIT, attempts_max=ATTEMPTS_MAX_LIMIT + 1), "attempts_max is"),
        (replace(SUBMIT, allowance=replace(ALLOWANCE, minutes=-1)), "-1 minutes"),
        (replace(SUBMIT, allowance=replace(ALLOWANCE, minutes=MINUTES_MAX + 1)), "minutes"),
        (replace(SUBMIT, allowance=replace(ALLOWANCE, amount=Amount(Decimal(-1), 1))), "budget is -1 USD"),
        (replace(SUBMIT, allowance=replace(ALLOWANCE, amount=Amount(Decimal(1), -1))), "-1 tokens"),
        (replace(SUBMIT, allowance=replace(ALLOWANCE, amount=Amount(Decimal("NaN"), 1))), "NaN"),
    ],
)
def test_what_cannot_be_worked_is_not_submitted(command: m.Submit, text: str) -> None:
    given().when(command).refused(Invalid, text)


@pytest.mark.parametrize(
    "command",
    [
        replace(SUBMIT, plan=PLAN[:1]),
        replace(SUBMIT, attempts_max=ATTEMPTS_MAX_LIMIT),
        replace(SUBMIT, allowance=m.Allowance(amount=NOTHING, minutes=0)),
        replace(SUBMIT, allowance=replace(ALLOWANCE, minutes=MINUTES_MAX)),
    ],
)
def test_what_can_be_worked_is_submitted(command: m.Submit) -> None:
    event: Any = decide_after(command)[0]
    assert (event.plan, event.attempts_max, event.allowance) == (command.plan, command.attempts_max, command.allowance)


def test_admission_reserves_the_budget_and_sets_the_deadline() -> None:
    reserved, admitted = happened("organisation.budget_reserved", "run.admitted")
    ready = happened("organisation.founded", "run.submitted")
    given(*ready).when(ADMIT).then(reserved, admitted)
    given(*ready, reserved, admitted).when(ADMIT).refused(Refused, "The run is admitted")
    given().when(ADMIT).refused(NotFound, "no run")
    given(*happened("run.submitted")).when(ADMIT).refused(Refused, "no organisation yet")


def test_admission_never_lends_more_than_the_organisation_has() -> None:
    lent = BudgetReserved(for_run=uuid(50), amount=Amount(Decimal("9.00"), 90_000))
    more = BudgetReserved(for_run=uuid(51), amount=Amount(Decimal("0.01"), 0))
    ready = happened("organisation.founded", "run.submitted")
    given(*ready, lent).when(ADMIT).then(*happened("organisation.budget_reserved", "run.admitted"))
    given(*ready, lent, more).when(ADMIT).refused(LimitReached, "0.99 USD")


@pytest.mark.parametrize(
    ("amount", "minutes", "text"),
    [
        (Amount(Decimal("0.00"), 10), 20, "usd"),
        (Amount(Decimal(1), 0), 20, "tokens"),
        (Amount(Decimal(1), 10), 0, "minutes"),
        (NOTHING, 0, "usd and tokens and minutes"),
    ],
)
def test_a_budget_of_nothing_ends_the_run_before_it_begins(amount: Amount, minutes: int, text: str) -> None:
    events = (*happened("organisation.founded"), *with_budget(amount, minutes))
    reason = f"The budget's {text} is 0, and 0 means stop."
    ended = m.Ended(run=RUN, outcome="refused", reason=reason)
    given(*events).when(ADMIT).then(ended)
    given(*events, ended).when(ASSIGN).refused(NotFound, "has no task")


@pytest.mark.parametrize(("command", "name"), STAGES, ids=[name for _, name in STAGES])
def test_each_stage_follows_from_the_one_before(command: m.RunCommand, name: str) -> None:
    given(*before(name)).when(command).then(*happened(name))
    given(*before(name)[:1]).when(command).refused(NotFound, "no run")
    given(*before(name), *happened(name)).when(command).refused(Refused, "The run is")
    given(*before(name), *happened("run.ended")).when(command).refused(Refused, "The run is ended")


def test_a_plan_names_its_tasks_and_what_they_wait_for() -> None:
    given(*ADMITTED).when(STAGES[0][0]).then(*happened("run.planned"))
    state: RunState = fold("run", *PLANNED)
    assert list(state.tasks) == [FIRST, SECOND]
    assert state.tasks[SECOND].after == (FIRST,)


def test_a_task_waits_for_the_ones_before_it() -> None:
    second = replace(ASSIGN, task=SECOND)
    for events in (PLANNED, ASSIGNED, SUBMITTED):
        given(*events).when(second).refused(Refused, "T2 waits for T1")
    assert decide_after(second, *FIRST_VERIFIED)


def test_attempts_have_an_end() -> None:
    rejected = (*SUBMITTED, *happened("task.rejected"))
    second = replace(ASSIGN, attempt=2)
    given(*rejected).when(second).then(
        Assigned(
            run=RUN,
            task=FIRST,
            employee=EMPLOYEE,
            order=ORDER,
            attempt=2,
            seed=7,
            reservation=CALL,
            due_at=AT + MINUTE_US,
        )
    )
    twice = (*rejected, *decide_after(second, *rejected), *SUBMITTED[-3:], *happened("task.rejected"))
    given(*twice).when(replace(ASSIGN, attempt=3)).refused(LimitReached, "had 2 attempts, and attempts_max is 2")


def test_minutes_have_an_end() -> None:
    due_at = AT + ALLOWANCE.minutes * MINUTE_US
    given(*PLANNED).when(replace(ASSIGN, at=due_at, due_at=due_at + 1)).refused(LimitReached, "minutes are used up")
    assert decide_after(replace(ASSIGN, at=due_at - 1, due_at=due_at), *PLANNED)


@pytest.mark.parametrize("more", [Amount(Decimal("0.01"), 0), Amount(Decimal(0), 1)])
def test_a_call_is_reserved_from_what_is_left(more: Amount) -> None:
    given(*PLANNED).when(replace(ASSIGN, reservation=BUDGET + more)).refused(LimitReached, "the run has 1.00 USD")
    (assigned,) = decide_after(replace(ASSIGN, reservation=BUDGET), *PLANNED)
    assert fold("run", *PLANNED, assigned).left == Amount(Decimal("0.00"), 0)


def test_no_call_begins_when_the_tokens_are_used_up() -> None:
    """Not even one that reserves nothing: 0 means stop. Dollars may be 0 for a free model."""
    free = replace(ASSIGN, task=SECOND, reservation=NOTHING)
    without_tokens = (*FIRST_VERIFIED[:-3], replace(CHARGED, charged=BUDGET), *FIRST_VERIFIED[-2:])
    without_usd = (*FIRST_VERIFIED[:-3], replace(CHARGED, charged=Amount(BUDGET.usd)), *FIRST_VERIFIED[-2:])
    given(*without_tokens).when(free).refused(LimitReached, "and 0 tokens left")
    assert decide_after(free, *without_usd)


@pytest.mark.parametrize(
    "reservation", [Amount(Decimal(-1), 1), Amount(Decimal(0), -1), Amount(Decimal("NaN"), 1), Amount(Decimal("-Inf"))]
)
def test_a_reservation_cannot_give_budget_back(reservation: Amount) -> None:
    given(*PLANNED).when(replace(ASSIGN, reservation=reservation)).refused(Invalid, "The reservation is")
    assert decide_after(replace(ASSIGN, reservation=NOTHING), *PLANNED)


def test_only_verified_work_is_merged() -> None:
    command = m.Merge(id=COMMAND, at=AT, run=RUN, tree=TREE)
    given(*ALL_VERIFIED).when(command).then(*happened("run.merged"))
    given(*FIRST_VERIFIED).when(command).refused(Refused, "Tasks T2 are not verified")
    given(*ADMITTED).when(command).refused(Refused, "The run is admitted")
    given(*ALL_VERIFIED, *happened("run.merged")).when(command).refused(Refused, "The run is merged")
    assert files_of(fold("run", *SUBMITTED)) == {}
    assert files_of(fold("run", *ALL_VERIFIED)) == {"a.py": BLOB}


def test_a_rejected_merge_is_not_judged_again() -> None:
    command = m.JudgeMerged(id=COMMAND, at=AT, run=RUN, judgement=GOOD)
    merged = before("run.verified")
    given(*merged).when(replace(command, judgement=BAD)).then(*happened("run.rejected"))
    given(*merged, *happened("run.rejected")).when(command).refused(Refused, "The run is rejected")
    end = replace(END, outcome="rejected")
    given(*merged, *happened("run.rejected")).when(end).then(m.Ended(run=RUN, outcome="rejected", reason="enough"))
    given(*merged).when(replace(command, judgement=replace(GOOD, tree=OTHER_TREE))).refused(Refused, "another tree")
    given(*merged).when(command).then(*happened("run.verified"))


def test_an_approval_is_bound_to_the_commit_that_was_shown() -> None:
    command = m.Approve(id=COMMAND, at=AT, run=RUN, commit="c" * 40, reason="I ran it")
    given(*before("run.approved")).when(command).then(*happened("run.approved"))
    given(*before("run.approved")).when(replace(command, commit="d" * 40)).refused(Conflict, "not dddd")


def test_it_ends_once_with_a_reason() -> None:
    given(*ASSIGNED).when(END).then(m.Ended(run=RUN, outcome="cancelled", reason="enough"))
    given(*ASSIGNED, *happened("run.ended")).when(END).then()
    given(*ASSIGNED).when(replace(END, reason=" ")).refused(Invalid, "ends with a reason")
    given().when(END).refused(NotFound, "no run")


def test_only_what_is_released_ends_as_delivered_and_only_so() -> None:
    delivered = replace(END, outcome="delivered")
    given(*WAY).when(delivered).then(m.Ended(run=RUN, outcome="delivered", reason="enough"))
    given(*before("run.released")).when(delivered).refused(Refused, "The run is approved")
    given(*WAY).when(END).refused(Refused, "only end as delivered")


def test_only_a_delivery_is_declined() -> None:
    declined = replace(END, outcome="declined")
    given(*before("run.approved")).when(declined).then(m.Ended(run=RUN, outcome="declined", reason="enough"))
    given(*before("run.delivered")).when(declined).refused(Refused, "The run is delivering")


def test_an_admission_is_no_decision_of_the_run_alone() -> None:
    with pytest.raises(TypeError, match="Admit"):
        decide(ADMIT, fold("run", *ADMITTED))
    assert decide(SUBMIT, initial) == happened("run.submitted")


def test_an_approved_run_is_not_cancelled_while_its_release_is_under_way() -> None:
    given(*before("run.released")).when(END).refused(Refused, "about to be released")
    given(*before("run.approved")).when(END).then(m.Ended(run=RUN, outcome="cancelled", reason="enough"))


def test_nothing_is_admitted_while_the_organisation_stands_still() -> None:
    waiting = happened("organisation.founded", "run.submitted")
    stopped = (*waiting, *happened("organisation.paused"))
    given(*stopped).when(ADMIT).refused(Refused, "The organisation is paused")
    given(*stopped, *happened("organisation.resumed")).when(ADMIT).then(
        *happened("organisation.budget_reserved", "run.admitted")
    )
