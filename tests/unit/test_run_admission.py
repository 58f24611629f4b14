"""A run is submitted once. It is admitted with its whole budget, or not at all."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from domain import run_messages as m
from domain.caps import limit_of
from domain.errors import Conflict, Invalid, LimitReached, NotFound, Refused
from domain.message import Erased
from domain.money import NOTHING, Amount
from domain.organisation import BudgetReserved, CapWarned
from domain.planning import ATTEMPTS_MAX_LIMIT, MINUTES_MAX
from domain.run import decide, initial
from tests.unit.given import decide as decide_after
from tests.unit.given import fold, given
from tests.unit.runs import ADMIT, ASSIGN, SUBMIT, with_budget
from tests.unit.samples import ADMITTED, ALLOWANCE, CAP, PLAN, RUN, happened, uuid


def test_it_is_submitted_once() -> None:
    given().when(SUBMIT).then(*happened("run.submitted"))
    given(*happened("run.submitted")).when(SUBMIT).refused(Conflict, "already exists")


def test_the_id_of_a_purged_run_stays_taken() -> None:
    erased = Erased(type="run.submitted", entity_kind="run", entity_id=RUN, run=RUN)
    given(erased).when(SUBMIT).refused(Conflict, "already exists")
    given(replace(erased, type="incident.raised")).when(SUBMIT).then(*happened("run.submitted"))


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (replace(SUBMIT, plan=()), "at least one task"),
        (replace(SUBMIT, plan=(PLAN[0], PLAN[0])), "T1 occurs twice"),
        (replace(SUBMIT, plan=PLAN[::-1]), "before a task that it needs"),
        (replace(SUBMIT, plan=(replace(PLAN[0], after=("T1",)),)), "before a task that it needs"),
        (replace(SUBMIT, attempts_max=0), "attempts_max cannot be 0"),
        (replace(SUBMIT, attempts_max=ATTEMPTS_MAX_LIMIT + 1), "attempts_max cannot be"),
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
    reserved, admitted = happened("organisation.budget_reserved", "run.admitted")
    warned = CapWarned(cap="organisation", for_run=RUN, limit=limit_of(CAP), committed=CAP)
    given(*ready, lent).when(ADMIT).then(reserved, warned, admitted)
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


def test_an_admission_is_no_decision_of_the_run_alone() -> None:
    with pytest.raises(TypeError, match="Admit"):
        decide(ADMIT, fold("run", *ADMITTED))
    assert decide(SUBMIT, initial) == happened("run.submitted")


def test_nothing_is_admitted_while_the_organisation_stands_still() -> None:
    waiting = happened("organisation.founded", "run.submitted")
    stopped = (*waiting, *happened("organisation.paused"))
    given(*stopped).when(ADMIT).refused(Refused, "The organisation is paused")
    given(*stopped, *happened("organisation.resumed")).when(ADMIT).then(
        *happened("organisation.budget_reserved", "run.admitted")
    )
