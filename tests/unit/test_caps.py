"""Caps of a day, an employee and an account, their tranches, warnings, and requests for a larger budget."""

import datetime
from decimal import Decimal

import pytest
from hypothesis import given as drawn_from
from hypothesis import strategies as st
from msgspec.structs import replace

from domain import fund_messages as f
from domain import organisation as house
from domain.caps import (
    Limit,
    ReturnedPart,
    account_cap,
    checked_cap,
    day_key,
    employee_cap,
    keys_for,
    tranche_size,
)
from domain.errors import Invalid, LimitReached, NotFound, Refused
from domain.funds import FUNDS_WAIT_US
from domain.ladder import DAY_US
from domain.message import Command, Event
from domain.money import NOTHING, Amount
from domain.run_messages import Admitted, End, Ended
from domain.task import Assigned, CallFinished, Released
from tests.unit import runs
from tests.unit.given import decide, fold, given
from tests.unit.samples import (
    AT,
    CALL,
    COMMAND,
    COST,
    DAY_KEY,
    EMPLOYEE,
    FIRST,
    ORDER,
    OTHER_EMPLOYEE,
    PLANNED,
    RUN,
    SECOND,
    TRANCHE,
    happened,
    uuid,
)

DAY = "day"
FOUNDED = happened("organisation.founded")
OPEN = PLANNED
HIGH = Limit(usd=Decimal("5.00"), tokens=200_000)
CAPPED = (*OPEN, house.CapSet(cap=DAY, limit=HIGH))
LEND = f.LendTranche(id=COMMAND, at=AT, run=RUN, needs={DAY_KEY: CALL})
GIVE_BACK = f.ReturnTranche(id=COMMAND, at=AT, run=RUN)
LENT = (
    house.TrancheLent(for_run=RUN, amounts={DAY_KEY: TRANCHE}),
    f.TrancheReceived(run=RUN, amounts={DAY_KEY: TRANCHE}),
)
HOLDS = (*CAPPED, *LENT)
(ASSIGNED,) = decide(runs.ASSIGN, *OPEN)
(STARTED,) = happened("task.call_started")
(FINISHED,) = happened("task.call_finished")
(ENDED_ATTEMPT,) = happened("task.attempt_ended")
TOMORROW = AT + DAY_US
RAISE = f.RaiseBudget(id=COMMAND, at=AT, run=RUN, amount=COST, reason=" nearly done ")
ASK = f.RequestFunds(id=COMMAND, at=AT, run=RUN, reason="too little")
ASKED = f.FundsRequested(run=RUN, reason="too little", at=AT, until=AT + FUNDS_WAIT_US)
REFUSE = f.RefuseFunds(id=COMMAND, at=AT, run=RUN, reason="it goes nowhere")
NEAR = house.BudgetSet(cap=Amount(Decimal("1.20"), 100_000))


def planned_with(*submitted: Event) -> tuple[Event, ...]:
    """Return the events up to the plan, with another submission."""
    return (*FOUNDED, *submitted, *happened("organisation.budget_reserved", "run.admitted", "run.planned"))


STORIES: tuple[tuple[tuple[Event, ...], Command], ...] = (
    (FOUNDED, house.SetCap(id=COMMAND, at=AT, cap=DAY, limit=HIGH)),
    ((*happened("organisation.founded", "run.submitted"), NEAR), runs.ADMIT),
    (CAPPED, LEND),
    ((*OPEN, house.CapSet(cap=DAY, limit=Limit(usd=Decimal("0.12")))), LEND),
    (HOLDS, GIVE_BACK),
    (OPEN, RAISE),
    ((*OPEN, NEAR), RAISE),
    (OPEN, ASK),
    ((*OPEN, ASKED), REFUSE),
    (planned_with(*runs.with_budget(Amount(Decimal("0.12"), 100_000))), runs.ASSIGN),
)
"""Events and commands for tests/unit/test_registry.py."""


def test_a_cap_is_set_changed_and_removed() -> None:
    command = house.SetCap(id=COMMAND, at=AT, cap=DAY, limit=HIGH)
    given(*FOUNDED).when(command).then(house.CapSet(cap=DAY, limit=HIGH))
    given(*FOUNDED, house.CapSet(cap=DAY, limit=HIGH)).when(command).then()
    off = replace(command, limit=None)
    given(*FOUNDED, house.CapSet(cap=DAY, limit=HIGH)).when(off).then(house.CapSet(cap=DAY, limit=None))
    given(*FOUNDED).when(off).then()
    given().when(command).refused(Refused, "no organisation yet")


@pytest.mark.parametrize("limit", [Limit(), Limit(usd=Decimal(-1)), Limit(tokens=-1), Limit(usd=Decimal("NaN"))])
def test_a_limit_that_cannot_be_counted_is_refused(limit: Limit) -> None:
    given(*FOUNDED).when(house.SetCap(id=COMMAND, at=AT, cap=DAY, limit=limit)).refused(Invalid, "The cap day")


@pytest.mark.parametrize(
    ("cap", "good"),
    [
        ("day", True),
        (employee_cap(EMPLOYEE), True),
        (account_cap("OPENAI_API_KEY"), True),
        ("week", False),
        ("day:2027-01-15", False),
        ("employee:ada", False),
        ("employee:" + str(EMPLOYEE).upper() + "x", False),
        ("account:", False),
        ("account: key", False),
        ("account:" + "k" * 201, False),
    ],
)
def test_a_cap_has_one_of_three_names(cap: str, good: bool) -> None:
    if good:
        assert checked_cap(cap) == cap
        return
    with pytest.raises(Invalid, match="is not the name of a cap"):
        checked_cap(cap)


@drawn_from(st.datetimes(datetime.datetime(1970, 1, 1), datetime.datetime(2200, 1, 1)))
def test_the_day_of_a_time_is_its_utc_day(moment: datetime.datetime) -> None:
    at = round((moment - datetime.datetime(1970, 1, 1)) / datetime.timedelta(microseconds=1))
    assert day_key(at) == f"day:{moment.date().isoformat()}"


def test_an_attempt_needs_a_tranche_of_each_cap_that_applies() -> None:
    caps = (DAY, employee_cap(EMPLOYEE), employee_cap(OTHER_EMPLOYEE), account_cap("key"))
    assert keys_for(caps, EMPLOYEE, "key", AT) == (DAY_KEY, employee_cap(EMPLOYEE), account_cap("key"))
    assert keys_for(caps, EMPLOYEE, "", TOMORROW) == ("day:2027-01-16", employee_cap(EMPLOYEE))
    assert keys_for((), EMPLOYEE, "key", AT) == ()


def test_a_tranche_is_one_batch_of_one_event_in_each_scope() -> None:
    given(*CAPPED).when(LEND).then(*LENT)
    assert len(decide(LEND, *CAPPED)) == 2


def test_nothing_is_written_without_a_cap() -> None:
    given(*OPEN).when(LEND).then()
    given(*HOLDS).when(LEND).then()  # the run has enough


def test_a_tranche_is_for_several_attempts_and_leaves_other_runs_something() -> None:
    much, little = Amount(Decimal(100), 10**6), Amount(Decimal("0.15"), 5000)
    assert tranche_size(CALL, CALL, much) == Amount(Decimal("0.40"), 16_384)
    assert tranche_size(CALL, CALL, little) == CALL
    assert tranche_size(CALL, Amount(Decimal("0.04"), 0), little) == Amount(Decimal("0.04"), 1250)


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (Limit(usd=Decimal("0.09")), "has 0.09 USD left"),
        (Limit(tokens=4095), "has 4095 tokens left"),
        (Limit(usd=Decimal("0.09"), tokens=9), "has 0.09 USD and 9 tokens left"),
        (Limit(usd=Decimal(0), tokens=10**9), "has 0 USD and"),
    ],
)
def test_a_cap_lends_no_more_than_it_has(limit: Limit, text: str) -> None:
    given(*OPEN, house.CapSet(cap=DAY, limit=limit)).when(LEND).refused(LimitReached, text)


def test_a_cap_of_exactly_one_attempt_lends_it() -> None:
    """The control of the refusals above."""
    exact = house.CapSet(cap=DAY, limit=Limit(usd=CALL.usd, tokens=CALL.tokens))
    assert decide(LEND, *OPEN, exact)[0] == house.TrancheLent(for_run=RUN, amounts={DAY_KEY: CALL})


def test_a_tranche_of_a_day_is_lent_only_on_its_day() -> None:
    given(*CAPPED).when(replace(LEND, at=TOMORROW)).refused(Refused, "valid only on its day")
    tomorrow = replace(LEND, at=TOMORROW, needs={day_key(TOMORROW): CALL})
    assert decide(tomorrow, *CAPPED)[0].type == "organisation.tranche_lent"


def test_a_stopped_organisation_and_a_run_without_work_get_no_tranche() -> None:
    given(*CAPPED, *happened("organisation.paused")).when(LEND).refused(Refused, "organisation is paused")
    ended = Ended(run=RUN, outcome="cancelled", reason="x")
    given(*CAPPED, ended).when(LEND).refused(Refused, "needs no tranche")
    given(*FOUNDED).when(LEND).refused(NotFound, "no run")


def test_an_assignment_under_a_cap_needs_a_tranche_and_stays_one_event() -> None:
    given(*CAPPED).when(runs.ASSIGN).refused(LimitReached, "holds no tranche of day:2027-01-15")
    given(*HOLDS).when(runs.ASSIGN).then(ASSIGNED)
    given(*OPEN).when(runs.ASSIGN).then(ASSIGNED)


def test_an_assignment_draws_on_every_tranche_that_covers_it() -> None:
    mine, other = employee_cap(EMPLOYEE), employee_cap(OTHER_EMPLOYEE)
    both = f.TrancheReceived(run=RUN, amounts={mine: CALL, other: CALL})
    state = fold("run", *HOLDS, both, ASSIGNED)
    assert state.tasks[FIRST].attempt.draws == (DAY_KEY, mine)
    small = f.TrancheReceived(run=RUN, amounts={mine: COST})
    given(*HOLDS, small).when(runs.ASSIGN).refused(LimitReached, f"tranche of the cap {mine} has only 0.03 USD")


def test_a_tranche_of_yesterday_covers_nothing_until_it_is_given_back() -> None:
    late = replace(runs.ASSIGN, at=TOMORROW, due_at=TOMORROW + 60_000_000)
    more_minutes = Admitted(run=RUN, due_at=TOMORROW + DAY_US)
    held = (*happened("run.submitted"), more_minutes, *happened("run.planned"), *LENT)
    given(*held).when(late).refused(Refused, "that day is over")
    back = replace(GIVE_BACK, at=TOMORROW)
    given(*FOUNDED, house.CapSet(cap=DAY, limit=HIGH), *held).when(back).then(
        house.TrancheReturned(for_run=RUN, parts={DAY_KEY: ReturnedPart(spent=NOTHING)}),
        f.TrancheReturned(run=RUN, parts={DAY_KEY: ReturnedPart(spent=NOTHING)}),
    )
    given(*held, f.TrancheReturned(run=RUN, parts={DAY_KEY: ReturnedPart(spent=NOTHING)})).when(late).then(
        replace(ASSIGNED, due_at=TOMORROW + 60_000_000)
    )


def test_what_an_open_attempt_has_reserved_stays_with_the_run() -> None:
    open_call = (*HOLDS, ASSIGNED, STARTED)
    (event, _) = decide(GIVE_BACK, *open_call)
    assert event == house.TrancheReturned(
        for_run=RUN, parts={DAY_KEY: ReturnedPart(spent=NOTHING, kept=CALL, closed=False)}
    )
    given(*open_call, *decide(GIVE_BACK, *open_call)).when(GIVE_BACK).then()
    paid = (*open_call, *decide(GIVE_BACK, *open_call), FINISHED, ENDED_ATTEMPT)
    (event, _) = decide(GIVE_BACK, *paid)
    assert event == house.TrancheReturned(for_run=RUN, parts={DAY_KEY: ReturnedPart(spent=COST, closed=False)})


def test_after_the_end_everything_comes_back_and_only_charges_are_spent() -> None:
    """A call that was cut off is charged at its bound when its lease ends. Nothing else stays reserved."""
    released = Released(run=RUN, task=FIRST, employee=EMPLOYEE, order=ORDER, reason="x", cut_off=True, charged=CALL)
    ended = Ended(run=RUN, outcome="cancelled", reason="x")
    for last, spent in (((FINISHED, ENDED_ATTEMPT), COST), ((released,), CALL)):
        log = (*HOLDS, ASSIGNED, STARTED, ended, *last)
        state = fold("organisation", *log, *decide(GIVE_BACK, *log))
        assert state.books[DAY_KEY].committed == state.books[DAY_KEY].spent == spent
        assert fold("run", *log, *decide(GIVE_BACK, *log)).tranches == {}
        given(*log, *decide(GIVE_BACK, *log)).when(GIVE_BACK).then()


def test_a_removed_cap_closes_its_tranches_and_forgets_what_was_spent() -> None:
    spent = (*HOLDS, ASSIGNED, STARTED, FINISHED, ENDED_ATTEMPT)
    back = decide(GIVE_BACK, *spent)
    assert fold("organisation", *spent, *back).books[DAY_KEY].spent == COST
    removed = house.CapSet(cap=DAY, limit=None)
    assert fold("organisation", *spent, *back, removed).books == {}
    open_call = (*HOLDS, ASSIGNED, STARTED, removed)
    state = fold("run", *open_call, *decide(GIVE_BACK, *open_call))
    assert state.tranches[DAY_KEY].closed
    second = replace(ASSIGNED, task=SECOND, order=uuid(900))
    assert fold("run", *open_call, *decide(GIVE_BACK, *open_call), second).tasks[SECOND].attempt.draws == ()
    still_open = f.TrancheReturned(run=RUN, parts={DAY_KEY: ReturnedPart(spent=NOTHING, kept=COST, closed=False)})
    assert fold("run", *HOLDS, still_open, second).tasks[SECOND].attempt.draws == (DAY_KEY,), "control"


def test_a_tranche_that_comes_back_after_its_cap_was_removed_is_forgotten_too() -> None:
    back = house.TrancheReturned(for_run=RUN, parts={DAY_KEY: ReturnedPart(spent=COST)})
    removed, again = house.CapSet(cap=DAY, limit=None), house.CapSet(cap=DAY, limit=HIGH)
    assert fold("organisation", *HOLDS, removed, back).books == {}
    assert fold("organisation", *HOLDS, removed, back, again).books == {}, "it counts from 0"
    assert fold("organisation", *HOLDS, back).books[DAY_KEY].spent == COST, "control: the cap is still there"


def test_the_book_of_a_past_day_is_dropped_when_everything_has_come_back() -> None:
    next_key = day_key(TOMORROW)
    next_day = house.TrancheLent(for_run=uuid(77), amounts={next_key: CALL})
    state = fold("organisation", *HOLDS, next_day)
    assert set(state.books) == {DAY_KEY, next_key}
    back = house.TrancheReturned(for_run=RUN, parts={DAY_KEY: ReturnedPart(spent=COST)})
    assert set(fold("organisation", *HOLDS, next_day, back).books) == {next_key}
    assert set(fold("organisation", *HOLDS, back).books) == {DAY_KEY}, "control: it is the newest day"


def test_a_warning_comes_once_for_a_limit_and_again_after_a_change() -> None:
    near = house.CapSet(cap=DAY, limit=(limit := Limit(usd=Decimal("0.12"))))
    events = decide(LEND, *OPEN, near)
    lent = Amount(CALL.usd, 16_384)
    assert events[1] == house.CapWarned(cap=DAY_KEY, for_run=RUN, limit=limit, committed=lent)
    assert len(events) == 3
    more = replace(LEND, needs={DAY_KEY: Amount(Decimal("0.11"), 1)})
    again = (*OPEN, near, *events)
    assert [event.type for event in decide(more, *again)] == ["organisation.tranche_lent", "run.tranche_received"]
    changed = (*again, house.CapSet(cap=DAY, limit=Limit(usd=Decimal("0.13"))))
    assert "organisation.cap_warned" in [event.type for event in decide(more, *changed)]


def test_the_organisations_budget_has_its_warning_in_the_batch_of_the_admission() -> None:
    ready = (*happened("organisation.founded", "run.submitted"),)
    types = [event.type for event in decide(runs.ADMIT, *ready, NEAR)]
    assert types == ["organisation.budget_reserved", "organisation.cap_warned", "run.admitted"]
    assert [event.type for event in decide(runs.ADMIT, *ready)] == ["organisation.budget_reserved", "run.admitted"]


def test_the_budget_of_a_run_has_one_warning_beside_the_assignment() -> None:
    near = planned_with(*runs.with_budget(Amount(Decimal("0.12"), 100_000)))
    assigned, warned = decide(runs.ASSIGN, *near)
    assert isinstance(assigned, Assigned)
    assert warned == f.BudgetWarned(run=RUN, limit=Limit(usd=Decimal("0.12"), tokens=100_000), committed=CALL)
    free = Released(run=RUN, task=FIRST, employee=EMPLOYEE, order=ORDER, reason="x", cut_off=False, charged=NOTHING)
    second = replace(runs.ASSIGN, attempt=2, order=uuid(900))
    assert len(decide(second, *near, assigned, warned, free)) == 1
    raised = f.BudgetRaised(run=RUN, amount=Amount(Decimal("0.001")), due_at=AT + DAY_US)
    assert len(decide(second, *near, assigned, warned, free, raised)) == 2


def test_a_task_has_a_budget_of_its_own() -> None:
    assert isinstance(FINISHED, CallFinished)
    paid = replace(FINISHED, charged=Amount(Decimal("0.45")))
    first = (*OPEN, ASSIGNED, STARTED, paid, ENDED_ATTEMPT)
    second = replace(runs.ASSIGN, attempt=2, order=uuid(900))
    given(*first).when(second).refused(LimitReached, "the budget of task T1 has 0.05 USD left")
    without = planned_with(*decide(replace(runs.SUBMIT, task_caps={})))
    assert decide(second, *without, ASSIGNED, STARTED, paid, ENDED_ATTEMPT)[0].type == "task.assigned", "control"
    raised = (*first, *decide(replace(RAISE, task=FIRST, amount=Amount(Decimal("0.05"))), *first))
    assert [event.type for event in decide(second, *raised)] == ["task.assigned", "run.budget_warned"]


def test_a_task_without_a_budget_of_its_own_has_nothing_to_raise() -> None:
    given(*OPEN).when(replace(RAISE, task=SECOND)).refused(NotFound, "no task")
    assert len(decide(replace(RAISE, task=FIRST), *OPEN)) == 1


@pytest.mark.parametrize("limit", [Limit(), Limit(tokens=-1)])
def test_the_budget_of_a_task_must_be_countable_and_name_a_task(limit: Limit) -> None:
    given().when(replace(runs.SUBMIT, task_caps={"T1": limit})).refused(Invalid, "budget of task T1")
    given().when(replace(runs.SUBMIT, task_caps={"T9": HIGH})).refused(Invalid, "which does not exist")
    assert decide(replace(runs.SUBMIT, task_caps={"T1": HIGH}))


def test_a_budget_is_raised_in_one_batch_with_the_organisation() -> None:
    due_at = AT + 20 * 60_000_000
    given(*OPEN).when(RAISE).then(
        house.BudgetRaised(for_run=RUN, amount=COST),
        f.BudgetRaised(run=RUN, amount=COST, due_at=due_at, reason="nearly done"),
    )
    log = (*OPEN, *decide(RAISE, *OPEN))
    assert fold("run", *log).left == fold("run", *OPEN).left + COST
    assert fold("organisation", *log).lent[RUN] == fold("organisation", *OPEN).lent[RUN] + COST


def test_a_raise_beyond_the_organisations_budget_is_refused() -> None:
    most = replace(RAISE, amount=Amount(Decimal("9.00")))
    assert len(decide(most, *OPEN)) == 3
    more = replace(most, amount=Amount(Decimal("9.01")))
    given(*OPEN).when(more).refused(LimitReached, "The organisation has 9.00 USD")
    given(*OPEN).when(replace(RAISE, amount=NOTHING)).refused(Invalid, "changes nothing")
    given(*OPEN).when(replace(RAISE, amount=Amount(Decimal(-1)))).refused(Invalid, "The raise is")


def test_only_an_open_run_gets_a_larger_budget() -> None:
    ended = Ended(run=RUN, outcome="rejected", reason="x")
    given(*OPEN, ended).when(RAISE).refused(Refused, "The run is ended")
    given(*happened("organisation.founded", "run.submitted")).when(RAISE).refused(Refused, "The run is submitted")
    given(*FOUNDED).when(RAISE).refused(NotFound, "no run")


def test_a_run_asks_once_and_gets_no_work_meanwhile() -> None:
    given(*OPEN).when(ASK).then(ASKED)
    given(*OPEN, ASKED).when(ASK).then()
    given(*OPEN, ASKED).when(runs.ASSIGN).refused(Refused, "waits for the Director's answer")
    given(*happened("run.submitted")).when(ASK).refused(Refused, "asks for nothing")


def test_an_answer_ends_the_wait_and_the_minutes_stood_still() -> None:
    answered = replace(RAISE, at=AT + 5_000_000)
    _, raised = decide(answered, *OPEN, ASKED)
    state = fold("run", *OPEN, ASKED, raised)
    assert state.asked is None
    assert state.due_at == fold("run", *OPEN).due_at + 5_000_000
    given(*OPEN, ASKED, raised).when(runs.ASSIGN).then(ASSIGNED)


def test_a_refusal_needs_a_request_and_a_reason() -> None:
    given(*OPEN, ASKED).when(REFUSE).then(f.FundsRefused(run=RUN, reason="it goes nowhere"))
    given(*OPEN, ASKED).when(replace(REFUSE, reason=" ")).refused(Invalid, "reason is needed")
    given(*OPEN).when(REFUSE).refused(Refused, "does not ask")
    assert fold("run", *OPEN, ASKED, f.FundsRefused(run=RUN, reason="x")).asked is None
    end = End(id=COMMAND, at=AT, run=RUN, outcome="rejected", reason="no money")
    assert decide(end, *OPEN, ASKED, f.FundsRefused(run=RUN, reason="x"))
