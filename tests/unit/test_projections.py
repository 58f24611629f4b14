"""The consumers' rows about one order: an attempt and its account agree, for every end of the order."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bus.projection_rows import Rows
from domain import task
from domain.faults import WEIGHTS
from domain.message import Envelope, Event, Recorded
from domain.money import NOTHING
from projections.accountant import Account, AccountantProjection, OpenOrder
from projections.auditor import Attempt, AuditorProjection
from tests.unit.samples import (
    AT,
    BAD,
    CALL,
    COMMAND,
    COST,
    EMPLOYEE,
    FIRST,
    GOOD,
    ORDER,
    PRINCIPAL,
    RUN,
    SNAPSHOT,
    uuid,
)

FAILED = task.Snapshot(outcome="timed_out", provider="openai", endpoint="", model="m")
OF_ORDER: dict[str, Any] = {"run": RUN, "task": FIRST, "employee": EMPLOYEE, "order": ORDER}
ASSIGNED = task.Assigned(**OF_ORDER, attempt=1, seed=7, reservation=CALL, due_at=AT)
STARTED = task.CallStarted(**OF_ORDER)
ANSWERED = task.CallFinished(**OF_ORDER, snapshot=SNAPSHOT, charged=COST)
SUBMITTED = task.Submitted(**OF_ORDER, files={}, tree=GOOD.tree)
ENDS: dict[str, tuple[Event, ...]] = {
    "verified": (STARTED, ANSWERED, SUBMITTED, task.Verified(**OF_ORDER, judgement=GOOD)),
    "rejected": (STARTED, ANSWERED, SUBMITTED, task.Rejected(**OF_ORDER, judgement=BAD)),
    "failed": (
        STARTED,
        task.CallFinished(**OF_ORDER, snapshot=FAILED, charged=CALL),
        task.AttemptEnded(**OF_ORDER, outcome="timed_out"),
    ),
    "failed, in an older log": (STARTED, task.CallFinished(**OF_ORDER, snapshot=FAILED, charged=CALL, ends=True)),
    "a session of two calls": (
        STARTED,
        ANSWERED,
        task.CallStarted(**OF_ORDER, index=1),
        task.CallFinished(**OF_ORDER, snapshot=SNAPSHOT, charged=COST, index=1),
        task.AttemptEnded(**OF_ORDER, outcome="stuck"),
    ),
    "cut off": (STARTED, task.Released(**OF_ORDER, reason="lease_ended", cut_off=True, charged=CALL)),
    "answered, never handed in": (
        STARTED,
        ANSWERED,
        task.Released(**OF_ORDER, reason="lease_ended", cut_off=False, charged=NOTHING),
    ),
    "never called": (task.Released(**OF_ORDER, reason="lease_ended", cut_off=False, charged=NOTHING),),
}


def recorded(seq: int, event: Event) -> Recorded:
    entity, entity_id = event.entity()
    envelope = Envelope(
        id=uuid(1000 + seq),
        type=event.type,
        version=event.version,
        entity=entity,
        entity_id=entity_id,
        run=RUN,
        employee=EMPLOYEE,
        principal=PRINCIPAL,
        role="manager",
        occurred_at=AT + seq,
        command=COMMAND,
        cause=None,
        policy="",
        commitment="",
    )
    return Recorded(seq=seq, envelope=envelope, event=event)


def rows_after(projection: AuditorProjection | AccountantProjection, *events: Event) -> Rows:
    rows = Rows(projection.tables)
    for seq, event in enumerate(events, start=1):
        projection.apply(recorded(seq, event), rows)
    return rows


@pytest.mark.parametrize("how", ENDS)
def test_an_attempt_cost_what_its_account_was_charged(how: str) -> None:
    attempt = rows_after(AuditorProjection(), ASSIGNED, *ENDS[how]).get(Attempt, RUN, str(ORDER))
    account = rows_after(AccountantProjection(), ASSIGNED, *ENDS[how]).get(Account, RUN, str(EMPLOYEE))
    assert attempt is not None
    assert account is not None
    assert (attempt.tokens, attempt.cost_usd or Decimal(0)) == (account.charged_tokens, account.charged_usd)


@pytest.mark.parametrize("how", ENDS)
def test_an_order_is_open_until_its_outcome(how: str) -> None:
    *before, last = ENDS[how]
    assert rows_after(AccountantProjection(), ASSIGNED, *before).of(OpenOrder, RUN)
    assert rows_after(AccountantProjection(), ASSIGNED, *before, last).of(OpenOrder, RUN) == []


@pytest.mark.parametrize(
    ("outcome", "unusable"),
    [
        ("no_code", 1),
        ("empty", 1),
        ("truncated", 1),
        ("blocked", 1),
        ("too_large", 1),
        ("answered", 0),
        (task.DECLINED, 0),
        *((fault, 0) for fault in WEIGHTS),
    ],
)
def test_an_answer_that_holds_no_work_is_told_from_a_fault_of_the_server(outcome: str, unusable: int) -> None:
    snapshot = replace(SNAPSHOT, outcome=outcome)
    finished = task.CallFinished(**OF_ORDER, snapshot=snapshot, charged=COST)
    end = () if outcome == "answered" else (task.AttemptEnded(**OF_ORDER, outcome=outcome),)
    account = rows_after(AccountantProjection(), ASSIGNED, STARTED, finished, *end).get(Account, RUN, str(EMPLOYEE))
    assert account is not None
    assert account.unusable == unusable
    assert account.failed == (outcome not in ("answered", task.DECLINED))
