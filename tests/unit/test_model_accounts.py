"""Accounts of models: the decisions about them, their rows, their capacity, and the choice of an employee by them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from agents.manager.account_reasons import needs_somebody, standing_text
from agents.manager.accounts import AccountCapacity, AccountStanding
from agents.manager.reactor import Manager
from bus.projection import Cause
from bus.projection_rows import Rows
from domain import employee, task
from domain.errors import Invalid, NotFound, Refused
from domain.faults import FAULTS_MAX
from domain.message import Command, Event
from domain.model_account import (
    ACCOUNTS_MAX,
    AccountLimits,
    AccountRemoved,
    AccountReopened,
    AccountSet,
    RemoveAccount,
    ReopenAccount,
    SetAccount,
)
from domain.money import NOTHING, Amount
from domain.run import MINUTE_US
from domain.snapshot import Snapshot
from projections.accounts import DAY_US, REPEATED, AccountRow, account_row
from projections.manager import EmployeeRow, ManagerProjection
from projections.rests import LASTING_REST_S
from tests.unit.given import decide, fold, given
from tests.unit.samples import (
    ASSIGNED,
    AT,
    CALL,
    CALLING,
    CLAIM,
    COMMAND,
    EMPLOYEE,
    FIRST,
    ORDER,
    OTHER_EMPLOYEE,
    PLANNED,
    PROFILE,
    RUN,
    happened,
)
from tests.unit.test_projections import recorded

SERVER = "https://models.example.com"
FOUNDED = happened("organisation.founded")
SET = AccountSet(name="main", server=SERVER, limits=AccountLimits())
WITH_MAIN = (*FOUNDED, SET)
MICRO = 1_000_000
_IDS: dict[str, Any] = {"run": RUN, "task": FIRST, "employee": EMPLOYEE, "order": ORDER}


def set_account(**changes: Any) -> SetAccount:
    return replace(SetAccount(id=COMMAND, at=AT, name="main", server=SERVER), **changes)


def test_an_account_is_set_changed_reopened_and_removed() -> None:
    given(*FOUNDED).when(set_account()).then(SET)
    given(*WITH_MAIN).when(set_account()).then()
    limited = set_account(limits=AccountLimits(calls_max=2))
    given(*WITH_MAIN).when(limited).then(replace(SET, limits=AccountLimits(calls_max=2)))
    reopen = ReopenAccount(id=COMMAND, at=AT, name="main", reason=" paid ")
    given(*WITH_MAIN).when(reopen).then(AccountReopened(name="main", reason="paid"))
    remove = RemoveAccount(id=COMMAND, at=AT, name="main", reason="closed")
    given(*WITH_MAIN).when(remove).then(AccountRemoved(name="main", reason="closed"))
    state = fold("organisation", *WITH_MAIN, AccountRemoved(name="main", reason="closed"))
    assert state.accounts == {}
    given(*WITH_MAIN, AccountRemoved(name="main", reason="closed")).when(set_account()).then(SET)


def test_what_cannot_be_an_account_is_refused() -> None:
    given().when(set_account()).refused(Refused, "no organisation yet")
    for name in ("", "a b", "-a", "a/b", "x" * 65):
        given(*FOUNDED).when(set_account(name=name)).refused(Invalid, "not a name of an account")
    given(*FOUNDED).when(set_account(server="")).refused(Invalid, "names no server")
    for limits in (
        AccountLimits(calls_max=0),
        AccountLimits(requests_per_minute=-1),
        AccountLimits(tokens_per_day=10**13),
        AccountLimits(usd_per_day=Decimal(0)),
        AccountLimits(usd_per_day=Decimal("NaN")),
    ):
        given(*FOUNDED).when(set_account(limits=limits)).refused(Invalid, "is not possible")
    for command in (
        RemoveAccount(id=COMMAND, at=AT, name="other", reason="x"),
        ReopenAccount(id=COMMAND, at=AT, name="other", reason="x"),
    ):
        given(*WITH_MAIN).when(command).refused(NotFound, "The accounts are: main")
    given(*WITH_MAIN).when(RemoveAccount(id=COMMAND, at=AT, name="main", reason=" ")).refused(Invalid, "A reason")
    full = (*FOUNDED, *(replace(SET, name=f"a{number}") for number in range(ACCOUNTS_MAX)))
    given(*full).when(set_account()).refused(Invalid, f"The limit is {ACCOUNTS_MAX}")
    given(*full).when(set_account(name="a0", server="https://b.example")).then(
        AccountSet(name="a0", server="https://b.example", limits=AccountLimits())
    )


def test_an_employee_names_each_account_once() -> None:
    hire = employee.Hire(id=COMMAND, at=AT, employee=EMPLOYEE, profile=replace(PROFILE, accounts=("main", "spare")))
    assert decide(hire), "control"
    for accounts in (("main", "main"), tuple(f"a{number}" for number in range(17)), ("a b",)):
        given().when(replace(hire, profile=replace(PROFILE, accounts=accounts))).refused(Invalid, "account")


def assigned(account: str = "main", **changes: Any) -> task.Assigned:
    event = ASSIGNED[-1]
    assert isinstance(event, task.Assigned)
    return replace(event, account=account, **changes)


def started(account: str = "main", index: int = 0, bound: Amount = CALL) -> task.CallStarted:
    return task.CallStarted(**_IDS, index=index, bound=bound, claim=CLAIM, account=account)


def finished(outcome: str = "answered", *, account: str = "main", index: int = 0, **changes: Any) -> task.CallFinished:
    snapshot = Snapshot(
        outcome=outcome, provider="openai", endpoint=SERVER, model="m", message="slow down", account=account, **changes
    )
    return task.CallFinished(
        **_IDS, snapshot=snapshot, charged=Amount(Decimal("0.02"), 300), counts=outcome == "answered", index=index
    )


def without_work(outcome: str) -> task.AttemptEnded:
    return task.AttemptEnded(**_IDS, outcome=outcome, message="slow down", counts=False)


def test_the_permit_and_not_the_worker_says_which_account_a_call_had() -> None:
    start = task.StartCall(id=COMMAND, at=AT, **_IDS, index=0, bound=CALL, claim=CLAIM, account="spare")
    (event,) = decide(start, *PLANNED, assigned())
    assert isinstance(event, task.CallStarted)
    assert event.account == "spare"
    claimed = Snapshot(outcome="answered", provider="openai", endpoint="", model="m", account="main")
    (receipt,) = decide(task.FinishCall(id=COMMAND, at=AT, **_IDS, snapshot=claimed), *PLANNED, assigned(), event)
    assert isinstance(receipt, task.CallFinished)
    assert receipt.snapshot.account == "spare"


@pytest.mark.parametrize("outcome", ["rate_limit", "payment", "auth", "forbidden", "region", "no_account"])
def test_a_fault_of_an_account_uses_up_nothing_and_the_employee_keeps_the_task(outcome: str) -> None:
    once = (assigned(), started(), finished(outcome), without_work(outcome))
    state = fold("run", *PLANNED, *once * FAULTS_MAX).tasks[FIRST]
    assert (state.phase, state.attempts, state.stays_with) == ("waiting", 0, EMPLOYEE)
    assert not state.worn_out(EMPLOYEE)
    assert state.failure == f"{outcome}: slow down"
    assert state.spent.tokens == 300 * FAULTS_MAX, "what its calls cost stays on record"
    again = fold("run", *PLANNED, *once, assigned()).tasks[FIRST]
    assert again.stays_with is None
    nameless = (assigned(""), started(""), finished(outcome, account=""), without_work(outcome))
    control = fold("run", *PLANNED, *nameless).tasks[FIRST]
    assert (control.stays_with, control.attempts) == (None, 0)
    assert control.faults[EMPLOYEE] > 0, "control: without a name, the fault is the employee's"


def rows_after(*events: Event | tuple[int, Event]) -> Rows:
    """Return the manager's rows after these events. A pair has the time of its event."""
    rows, projection = Rows(ManagerProjection.tables), ManagerProjection()
    for seq, each in enumerate(events, start=1):
        at, event = each if isinstance(each, tuple) else (AT, each)
        one = recorded(seq, event)
        projection.apply(replace(one, envelope=replace(one.envelope, occurred_at=at)), rows)
    return rows


HIRED = employee.Hired(employee=EMPLOYEE, profile=replace(PROFILE, accounts=("main", "spare"), slots=9))
SPARE = replace(SET, name="spare")
AT_WORK = (HIRED, SET, SPARE, *PLANNED, assigned(), started())


def row_after(*events: Event | tuple[int, Event], name: str = "main") -> AccountRow:
    row = account_row(rows_after(*events), name)
    assert row is not None
    return row


def test_the_rows_count_calls_by_the_minute_and_the_day_of_their_events() -> None:
    row = row_after(*AT_WORK, finished())
    assert (row.requests, row.tokens, row.day_tokens, row.day_usd) == (1, 300, 300, Decimal("0.02"))
    assert (row.minute, row.day) == (AT // MINUTE_US, AT // DAY_US)
    later = row_after(*AT_WORK, (AT + MINUTE_US, finished()))
    assert (later.requests, later.tokens, later.day_tokens) == (0, 300, 300)
    tomorrow = row_after(*AT_WORK, finished(), (AT + DAY_US, started(index=1)))
    assert (tomorrow.requests, tomorrow.tokens, tomorrow.day_tokens, tomorrow.day_usd) == (1, 0, 0, Decimal(0))
    assert row_after(*AT_WORK, finished(), name="spare").requests == 0, "control: another account"


def test_a_call_that_was_cut_off_is_charged_to_its_account() -> None:
    cut = task.Released(**_IDS, reason="lease_ended", cut_off=True, charged=CALL)
    row = row_after(*AT_WORK, cut)
    assert (row.day_tokens, row.day_usd) == (CALL.tokens, CALL.usd)


@pytest.mark.parametrize(
    ("outcome", "asked_s", "rest_s"),
    [
        ("rate_limit", None, 1),
        ("rate_limit", 90.0, 90),
        ("rate_limit", 1e9, 3600),
        ("payment", None, LASTING_REST_S),
        ("payment", 1800.0, 1800),
        ("auth", None, LASTING_REST_S),
    ],
)
def test_a_fault_closes_its_account_for_a_time(outcome: str, asked_s: float | None, rest_s: int) -> None:
    rows = rows_after(*AT_WORK, finished(outcome, retry_after_s=asked_s))
    row = account_row(rows, "main")
    assert row is not None
    assert (row.fault, row.reason, row.faults) == (outcome, "slow down", 1)
    assert row.closed_until == AT + rest_s * MICRO
    person = rows.get(EmployeeRow, EMPLOYEE, "employee")
    assert person is not None
    assert (person.faults, person.rest_until) == (0, 0), "the employee does not rest: it has another account"


def test_a_fault_of_the_server_closes_an_account_only_when_it_repeats() -> None:
    faults = [finished("connection", index=number) for number in range(REPEATED)]
    once = rows_after(*AT_WORK, faults[0])
    first, person = account_row(once, "main"), once.get(EmployeeRow, EMPLOYEE, "employee")
    assert first is not None
    assert person is not None
    assert first.closed_until == 0
    assert person.rest_until > AT, "control: the employee rests"
    assert row_after(*AT_WORK, *faults).closed_until > AT
    assert row_after(*AT_WORK, *faults[:-1], finished(index=2)).faults == 0
    for other in ("bad_request", "context_overflow", "cancelled"):
        assert row_after(*AT_WORK, *[finished(other)] * 5).faults == 0, "not the account's fault"


def test_an_answer_reopens_an_account_only_after_its_time() -> None:
    exhausted = (*AT_WORK, finished("payment"))
    late = finished(index=1)
    assert row_after(*exhausted, (AT + 5 * MICRO, late)).closed_until > AT
    assert row_after(*exhausted, (AT + 2 * LASTING_REST_S * MICRO, late)).closed_until == 0
    for event in (AccountReopened(name="main", reason="paid"), replace(SET, limits=AccountLimits(calls_max=3))):
        row = row_after(*exhausted, event)
        assert (row.closed_until, row.fault, row.faults, row.requests) == (0, "", 0, 1)
    assert account_row(rows_after(*exhausted, AccountRemoved(name="main", reason="x")), "main") is None


def capacity(*events: Event | tuple[int, Event], now: int = AT, limits: AccountLimits | None = None) -> AccountCapacity:
    account = replace(SET, limits=limits or AccountLimits())
    rows = rows_after(*(account if event is SET else event for event in events or AT_WORK))
    return AccountCapacity.of(rows, now)


def standing(capacity: AccountCapacity, bound: Amount = NOTHING) -> AccountStanding:
    return capacity.standing("main", bound)


def test_accounts_are_used_in_the_order_in_which_the_employee_names_them() -> None:
    free = capacity()
    names = ("main", "spare")
    assert free.choose(names) == "main"
    assert free.choose(names, first="spare") == "spare", "a session stays with its account"
    assert free.choose(names, avoid=("main",)) == "spare"
    assert free.choose(names, avoid=names) is None
    assert free.choose(()) == "", "an employee without accounts needs none"
    assert free.choose(("gone", "spare")) == "spare"
    assert free.standing("gone").state == "removed"


def test_each_limit_closes_an_account_and_has_its_control() -> None:
    full = capacity(limits=AccountLimits(calls_max=2))
    full.take("main", NOTHING)
    assert standing(full).is_open, "control"
    full.expect("main", NOTHING)
    assert (standing(full).state, standing(full).reason) == ("full", "2 of 2 calls are open")

    requests = AccountLimits(requests_per_minute=1)
    limited = standing(capacity(limits=requests))
    assert (limited.state, limited.until) == ("limit", (AT // MINUTE_US + 1) * MINUTE_US)
    assert standing(capacity(limits=requests, now=AT + MINUTE_US)).is_open, "control: the next minute"

    tokens = AccountLimits(tokens_per_minute=400)
    used = (*AT_WORK, finished())
    assert standing(capacity(*used, limits=tokens), Amount(tokens=101)).state == "limit"
    assert standing(capacity(*used, limits=tokens), Amount(tokens=100)).is_open, "control: it fits"
    next_minute = capacity(*used, limits=tokens, now=AT + MINUTE_US)
    assert standing(next_minute, Amount(tokens=900)).is_open, "a call above the limit is made alone in its minute"

    for day in (AccountLimits(tokens_per_day=400), AccountLimits(usd_per_day=Decimal("0.03"))):
        large, small = Amount(Decimal("0.011"), 101), Amount(Decimal("0.01"), 100)
        closed = standing(capacity(*used, limits=day), large)
        assert (closed.state, closed.until) == ("limit", (AT // DAY_US + 1) * DAY_US)
        assert standing(capacity(*used, limits=day), small).is_open, "control: it fits"
        open_call = capacity(*used, limits=day)
        open_call.take("main", small)
        assert standing(open_call, small).state == "limit", "the bound of an open call counts"
        assert standing(capacity(*used, limits=day, now=AT + DAY_US), small).is_open, "control: the next day"


def test_a_closed_account_says_why_and_whether_a_person_is_needed() -> None:
    paid = standing(capacity(*AT_WORK, finished("payment")))
    slow = standing(capacity(*AT_WORK, finished("rate_limit")))
    bad = standing(capacity(*AT_WORK, finished("auth")))
    assert [each.state for each in (paid, slow, bad)] == ["exhausted", "exhausted", "failing"]
    assert "main is exhausted until" in standing_text(paid)
    assert "(payment: slow down)" in standing_text(paid)
    assert [needs_somebody([each]) for each in (paid, slow, bad)] == [True, False, True]
    assert not needs_somebody([bad, slow]), "one of them opens again by itself"


def dispatched(rows: Rows, at: int = AT) -> Sequence[Command]:
    return list(Manager().dispatch(rows, Cause(COMMAND, at)))


def test_the_next_account_of_the_same_employee_comes_before_another_employee() -> None:
    other = employee.Hired(employee=OTHER_EMPLOYEE, profile=replace(PROFILE, name="ben", slots=99))
    failed = (HIRED, other, SET, SPARE, *PLANNED, assigned(), started(), finished("payment"), without_work("payment"))
    (assign, *_) = dispatched(rows_after(*failed))
    assert isinstance(assign, task.Assign)
    assert (assign.employee, assign.account) == (EMPLOYEE, "spare")
    alone = replace(HIRED, profile=replace(HIRED.profile, accounts=("main",)))
    (assign, *_) = dispatched(rows_after(alone, *failed[1:]))
    assert isinstance(assign, task.Assign)
    assert (assign.employee, assign.account) == (OTHER_EMPLOYEE, ""), "without another account, another employee"
    assert dispatched(rows_after(alone, *failed[2:])) == [], "control: nobody else, so the run waits"
    again = dispatched(rows_after(alone, *failed[2:]), AT + (LASTING_REST_S + 1) * MICRO)
    assert [type(each) for each in again] == [task.Assign], "the account is open again"


def test_an_account_that_two_employees_share_is_shared() -> None:
    one = replace(SET, limits=AccountLimits(calls_max=1))
    people = [
        employee.Hired(employee=who, profile=replace(PROFILE, name=name, accounts=("main",)))
        for who, name in ((EMPLOYEE, "ada"), (OTHER_EMPLOYEE, "ben"))
    ]
    independent = replace(PLANNED[-1], tasks=tuple(replace(plan, after=()) for plan in PLANNED[-1].tasks))  # type: ignore[attr-defined]  # run.planned
    rows = rows_after(*people, one, *PLANNED[:-1], independent)
    assert len(dispatched(rows)) == 1
    rows = rows_after(*people, replace(SET, limits=AccountLimits(calls_max=2)), *PLANNED[:-1], independent)
    assert len(dispatched(rows)) == 2, "control"


def test_an_employee_without_accounts_has_the_commands_of_before() -> None:
    nameless = employee.Hired(employee=EMPLOYEE, profile=PROFILE)
    (assign, *_) = dispatched(rows_after(nameless, SET, *PLANNED))
    assert isinstance(assign, task.Assign)
    assert assign.account == ""
    rows = rows_after(nameless, SET, *CALLING, finished("rate_limit", account="", retry_after_s=30.0))
    person = rows.get(EmployeeRow, EMPLOYEE, "employee")
    assert person is not None
    assert person.rest_until == AT + 30 * MICRO
