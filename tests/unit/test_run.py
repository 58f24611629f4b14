"""A run: planned, worked on within its limits, merged, delivered, approved, and ended once."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from domain import run_messages as m
from domain.errors import Conflict, Invalid, LimitReached, NotFound, Refused
from domain.money import NOTHING, Amount
from domain.run import MINUTE_US, RunState, files_of
from domain.task import Assigned
from tests.unit.given import decide as decide_after
from tests.unit.given import fold, given
from tests.unit.runs import ALL_VERIFIED, ASSIGN, CHARGED, END, FIRST_VERIFIED, STAGES, WAY, before
from tests.unit.samples import (
    ADMITTED,
    ALLOWANCE,
    ASSIGNED,
    AT,
    BAD,
    BUDGET,
    CALL,
    COMMAND,
    EMPLOYEE,
    FILES,
    FIRST,
    GOOD,
    ORDER,
    OTHER_TREE,
    PLANNED,
    RUN,
    SECOND,
    SUBMITTED,
    TREE,
    happened,
)


@pytest.mark.parametrize(("command", "name"), STAGES, ids=[name for _, name in STAGES])
def test_each_stage_follows_from_the_one_before(command: m.RunCommand, name: str) -> None:
    given(*before(name)).when(command).then(*happened(name))
    given(*before(name)[:1]).when(command).refused(NotFound, "no run")
    kind = Conflict if isinstance(command, m.Approve) else Refused
    given(*before(name), *happened(name)).when(command).refused(kind, "The run is")
    given(*before(name), *happened("run.ended")).when(command).refused(kind, "The run is ended")


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
    planned = tuple(replace(event, task_caps={}) if isinstance(event, m.Submitted) else event for event in PLANNED)
    given(*planned).when(replace(ASSIGN, reservation=BUDGET + more)).refused(LimitReached, "has only 1.00 USD")
    assigned, warned = decide_after(replace(ASSIGN, reservation=BUDGET), *planned)
    assert warned.type == "run.budget_warned"
    assert fold("run", *planned, assigned, warned).left == Amount(Decimal("0.00"), 0)


def test_no_call_begins_when_the_tokens_are_used_up() -> None:
    """Not even one that reserves nothing: 0 means stop. Dollars may be 0 for a free model."""
    free = replace(ASSIGN, task=SECOND, reservation=NOTHING)
    without_tokens = (*FIRST_VERIFIED[:-3], replace(CHARGED, charged=BUDGET), *FIRST_VERIFIED[-2:])
    without_usd = (*FIRST_VERIFIED[:-3], replace(CHARGED, charged=Amount(BUDGET.usd)), *FIRST_VERIFIED[-2:])
    given(*without_tokens).when(free).refused(LimitReached, "and 0 tokens")
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
    assert files_of(fold("run", *ALL_VERIFIED)) == FILES


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
    given(*ASSIGNED, *happened("run.ended")).when(replace(END, outcome="rejected")).then()  # the manager's is no news
    given(*ASSIGNED).when(replace(END, reason=" ")).refused(Invalid, "A reason is needed")
    given().when(END).refused(NotFound, "no run")


def test_only_what_is_released_ends_as_delivered_and_only_so() -> None:
    delivered = replace(END, outcome="delivered")
    given(*WAY).when(delivered).then(m.Ended(run=RUN, outcome="delivered", reason="enough"))
    given(*before("run.released")).when(delivered).refused(Refused, "The run is approved")
    given(*WAY).when(replace(END, outcome="rejected")).refused(Refused, "only end as delivered")


def test_only_a_delivery_is_declined() -> None:
    declined = replace(END, outcome="declined")
    given(*before("run.approved")).when(declined).then(m.Ended(run=RUN, outcome="declined", reason="enough"))
    given(*before("run.delivered")).when(declined).refused(Refused, "The run is delivering")


def test_an_approved_run_is_not_ended_while_its_release_is_under_way() -> None:
    end = replace(END, outcome="rejected")
    given(*before("run.released")).when(end).refused(Refused, "will be released in a moment")
    given(*before("run.approved")).when(end).then(m.Ended(run=RUN, outcome="rejected", reason="enough"))


@pytest.mark.parametrize("outcome", ["cancelled", "declined"])
def test_the_first_word_of_the_director_stands_and_a_second_one_is_told_so(outcome: m.Outcome) -> None:
    approve, reject = m.Approve(id=COMMAND, at=AT, run=RUN, reason="I ran it"), replace(END, outcome=outcome)
    for word in (approve, reject):
        given(*before("run.released")).when(word).refused(Conflict, "The run is approved and cannot be decided again.")
        given(*WAY).when(word).refused(Conflict, "The run is released and cannot be decided again.")
        given(*before("run.approved"), *happened("run.ended")).when(word).refused(Conflict, "The run is ended (")
    given(*before("run.approved")).when(approve).then(*happened("run.approved"))
    given(*before("run.approved")).when(reject).then(m.Ended(run=RUN, outcome=outcome, reason="enough"))
