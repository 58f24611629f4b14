"""An attempt with many calls: each has its index, permit and receipt, and all of them share one reservation."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from domain.attempt import CALLS_MAX
from domain.errors import Invalid, LimitReached, Refused
from domain.message import Event
from domain.money import NOTHING, Amount
from domain.run import MINUTE_US
from domain.task import (
    Assign,
    AttemptEnded,
    CallFinished,
    CallStarted,
    EndAttempt,
    FinishCall,
    Released,
    ReleaseOrder,
    StartCall,
    SubmitWork,
    TaskState,
)
from tests.unit.given import decide, fold, given
from tests.unit.runs import ASSIGN
from tests.unit.samples import (
    AT,
    CALL,
    CLAIM,
    COMMAND,
    COST,
    EMPLOYEE,
    FILES,
    FIRST,
    ORDER,
    PLANNED,
    RUN,
    SNAPSHOT,
    TREE,
    happened,
    uuid,
)

_IDS: dict[str, Any] = {"run": RUN, "task": FIRST, "employee": EMPLOYEE, "order": ORDER}
SESSION = replace(ASSIGN, form="session", calls_max=3, reservation=Amount(Decimal("0.25"), 10_000))
BOUND = CALL


def start(index: int, bound: Amount = BOUND, **changes: Any) -> StartCall:
    return replace(StartCall(id=COMMAND, at=AT, **_IDS, index=index, bound=bound, claim=CLAIM), **changes)


def finish(index: int, **changes: Any) -> FinishCall:
    return FinishCall(id=COMMAND, at=AT, **_IDS, snapshot=replace(SNAPSHOT, **changes), index=index)


END = EndAttempt(id=COMMAND, at=AT, **_IDS, outcome="stuck", message="The same action came six times.")
RELEASE = ReleaseOrder(id=COMMAND, at=AT, **_IDS, reason="lease_ended")
HAND_IN = SubmitWork(id=COMMAND, at=AT, **_IDS, files=FILES, tree=TREE)


def after(*commands: Any) -> tuple[Event, ...]:
    """The events of a session after these commands."""
    events: tuple[Event, ...] = PLANNED
    for command in (SESSION, *commands):
        events = (*events, *decide(command, *events))
    return events


def task_after(*commands: Any) -> TaskState:
    state: TaskState = fold("run", *after(*commands)).tasks[FIRST]
    return state


def test_calls_open_in_order_and_close_in_any_order() -> None:
    state = task_after(start(0), start(1))
    assert state.attempt is not None
    assert (state.phase, [*state.attempt.open], state.attempt.calls) == ("calling", [0, 1], 2)
    state = task_after(start(0), start(1), finish(1))
    assert state.attempt is not None
    assert (state.phase, [*state.attempt.open], state.spent) == ("calling", [0], COST)
    state = task_after(start(0), start(1), finish(1), finish(0))
    assert (state.phase, state.spent, state.reserved) == ("assigned", COST + COST, SESSION.reservation - COST - COST)


def test_a_permit_is_for_the_next_call() -> None:
    given(*after(start(0))).when(start(0)).refused(Refused, "not the next call")
    given(*after(start(0))).when(start(2)).refused(Refused, "not the next call")
    given(*after(start(0))).when(start(1)).then(CallStarted(**_IDS, index=1, bound=BOUND, claim=CLAIM))


def test_open_calls_and_receipts_share_the_reservation() -> None:
    """0.25 USD: two calls of at most 0.10 fit at the same time, a third one fits after a cheap receipt."""
    given(*after(start(0), start(1))).when(start(2)).refused(LimitReached, "the attempt has 0.05 USD")
    events = after(start(0), start(1), finish(0))
    given(*events).when(start(2)).then(CallStarted(**_IDS, index=2, bound=BOUND, claim=CLAIM))
    tokens = Amount(Decimal(0), 10_001)
    given(*after()).when(start(0, tokens)).refused(LimitReached, "10000 tokens left")


def test_calls_time_and_bounds_are_limited() -> None:
    used = after(
        start(0), finish(0, cost=NOTHING), start(1), finish(1, cost=NOTHING), start(2), finish(2, cost=NOTHING)
    )
    given(*used).when(start(3)).refused(LimitReached, "3 calls")
    given(*after()).when(start(0, at=AT + MINUTE_US)).refused(LimitReached, "lease of the order has ended")
    given(*after()).when(start(0, Amount(Decimal(-1), 0))).refused(Invalid, "upper bound of a call")
    given(*after()).when(start(0, at=AT + MINUTE_US - 1)).then(CallStarted(**_IDS, index=0, bound=BOUND, claim=CLAIM))


@pytest.mark.parametrize("calls_max", [0, -1, CALLS_MAX + 1])
def test_an_attempt_has_between_one_call_and_the_limit(calls_max: int) -> None:
    given(*PLANNED).when(replace(SESSION, calls_max=calls_max)).refused(Invalid, "calls_max from 1")
    assert decide(replace(SESSION, calls_max=CALLS_MAX), *PLANNED)


def test_an_answer_is_one_call() -> None:
    given(*PLANNED).when(replace(ASSIGN, calls_max=2)).refused(Invalid, "calls_max from 1 to 1")
    assert decide(ASSIGN, *PLANNED)


def test_a_receipt_belongs_to_an_open_call() -> None:
    given(*after(start(0))).when(finish(1)).refused(Refused, "Call 1 of order")
    given(*after(start(0), start(1), finish(0))).when(finish(0)).refused(Refused, "is not open")
    (receipt,) = decide(finish(0), *after(start(0)))
    assert isinstance(receipt, CallFinished)
    assert (receipt.index, receipt.charged, receipt.ends) == (0, COST, False)


def test_a_call_of_unknown_cost_is_charged_at_its_own_bound() -> None:
    small = Amount(Decimal("0.02"), 100)
    (receipt,) = decide(finish(1, cost=None), *after(start(0), start(1, small)))
    assert isinstance(receipt, CallFinished)
    assert receipt.charged == small


@pytest.mark.parametrize("command", [END, HAND_IN], ids=lambda command: type(command).__name__)
def test_an_attempt_ends_after_the_receipts_of_its_calls(command: Any) -> None:
    given(*after(start(0))).when(command).refused(Refused, "have no receipt")
    assert decide(command, *after(start(0), finish(0)))


def test_the_end_of_an_attempt_gives_the_rest_back() -> None:
    given(*after(start(0), finish(0))).when(END).then(
        AttemptEnded(**_IDS, outcome="stuck", message="The same action came six times.", counts=True)
    )
    state = task_after(start(0), finish(0), END)
    assert (state.phase, state.reserved, state.spent, state.attempts) == ("waiting", NOTHING, COST, 1)
    assert state.failure == "stuck: The same action came six times."
    fault = replace(END, outcome="connection", message="")
    state = task_after(start(0), finish(0), fault)
    assert (state.attempts, state.faults, state.failure) == (0, {EMPLOYEE: 1}, "connection")


def test_a_hand_in_gives_the_rest_back() -> None:
    state = task_after(start(0), finish(0), HAND_IN)
    assert (state.phase, state.reserved, state.spent, state.files) == ("submitted", NOTHING, COST, FILES)


def test_a_release_settles_each_open_call_at_its_bound() -> None:
    small = Amount(Decimal("0.02"), 100)
    state = task_after(start(0), start(1, small), finish(0), start(2))
    release = decide(RELEASE, *after(start(0), start(1, small), finish(0), start(2)))
    assert isinstance(release[0], Released)
    assert (release[0].charged, release[0].cut_off) == (small + BOUND, True)
    assert state.reserved == SESSION.reservation - COST


def test_the_next_attempt_begins_anew() -> None:
    events = after(start(0), finish(0), END)
    again = replace(ASSIGN, attempt=2, order=uuid(60))
    (assigned,) = decide(again, *events)
    state: TaskState = fold("run", *events, assigned).tasks[FIRST]
    assert state.attempt is not None
    assert (state.attempt.order, state.attempt.calls, state.attempt.number, state.attempt.ended) == (
        uuid(60),
        0,
        2,
        False,
    )


def test_an_old_receipt_ends_its_attempt() -> None:
    """Up to version 2 a call that gave no change was also the end of its attempt."""
    old = CallFinished(**_IDS, snapshot=replace(SNAPSHOT, outcome="no_code"), charged=COST, ends=True)
    state: TaskState = fold("run", *happened_until_calling(), old).tasks[FIRST]
    assert (state.phase, state.reserved, state.spent, state.attempts) == ("waiting", NOTHING, COST, 1)
    new = replace(old, ends=False)
    assert fold("run", *happened_until_calling(), new).tasks[FIRST].phase == "assigned"


def test_a_log_without_the_payload_of_an_assignment_still_folds() -> None:
    events = [event for event in happened_until_calling() if event.type != "task.assigned"]
    state: TaskState = fold("run", *events, *happened("task.call_finished")).tasks[FIRST]
    assert (state.spent, state.attempt) == (COST, None)


def happened_until_calling() -> tuple[Event, ...]:
    return (*PLANNED, *happened("task.assigned", "task.call_started"))


def test_sessions_are_assigned_as_sessions() -> None:
    assigned, *_ = decide(SESSION, *PLANNED)  # a warning about the budget follows
    assert (assigned.form, assigned.calls_max) == ("session", 3)  # type: ignore[attr-defined]  # of Assigned
    assert isinstance(SESSION, Assign)
