"""The rows of routing: the manager and the Accountant write equal rows, which are those of the book of all attempts."""

from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from bus.projection_rows import Rows
from bus.projection_tables import Tables
from domain import employee, incident, organisation, run_messages, task
from domain.employee import Profile, version_of
from domain.message import Envelope, Event, Recorded
from domain.money import Amount
from domain.routing import book
from domain.routing.difficulty import NO_SCORES, rate_now
from domain.routing.evidence import NONE, Attempt, after, inherited, smoothed_rate
from domain.routing.fixed_point import MICRO
from projections.accountant import AccountantProjection
from projections.manager import ManagerProjection
from projections.routing_rows import ROUTING_READS
from projections.routing_tables import (
    OVERALL,
    ROUTING_TABLES,
    EvidenceRow,
    FailedTask,
    OpenAttempt,
    evidence_of,
    failures_of,
    posterior_of,
    total_of,
    version_at,
)
from tests.unit.samples import (
    AT,
    BAD,
    CALL,
    CAP,
    CHOICE,
    COMMAND,
    COST,
    EMPLOYEE,
    FIRST,
    GOOD,
    OTHER_EMPLOYEE,
    PLANNED,
    PRINCIPAL,
    PROFILE,
    RUN,
    SECOND,
    SNAPSHOT,
    uuid,
)

SKILL = "python/python/small/answer/normal"
OTHER_PROFILE = replace(PROFILE, name="bob", model="n")
SECOND_S = 1_000_000
FOUNDED = organisation.Founded(name="Aura", cap=CAP)
STAFF = (
    employee.Hired(employee=EMPLOYEE, profile=PROFILE),
    employee.Hired(employee=OTHER_EMPLOYEE, profile=OTHER_PROFILE),
)


def recorded(seq: int, event: Event, at: int | None = None) -> Recorded:
    entity, entity_id = event.entity()
    envelope = Envelope(
        id=uuid(1000 + seq),
        type=event.type,
        version=event.version,
        entity=entity,
        entity_id=entity_id,
        run=getattr(event, "run", None),
        employee=getattr(event, "employee", None),
        principal=PRINCIPAL,
        role="manager",
        occurred_at=AT + seq * SECOND_S if at is None else at,
        command=COMMAND,
        cause=None,
        policy="",
        commitment="",
    )
    return Recorded(seq=seq, envelope=envelope, event=event)


def folded(*events: Event) -> tuple[Rows, Rows]:
    """Return the rows of the manager and those of the Accountant after the events."""
    pair: tuple[ManagerProjection | AccountantProjection, ...] = (ManagerProjection(), AccountantProjection())
    both = tuple(Rows(projection.tables) for projection in pair)
    for seq, event in enumerate(events, start=1):
        for projection, rows in zip(pair, both, strict=True):
            if isinstance(event, tuple(projection.reads)):
                projection.apply(recorded(seq, event), rows)
    return both[0], both[1]


def routing(rows: Rows) -> dict[str, Any]:
    shot = rows.snapshot()
    return {kind.table: shot[kind.table] for kind in ROUTING_TABLES}


def attempt(number: int, who: UUID, *end: Event, part: UUID = FIRST, usd: str = "0.03") -> tuple[Event, ...]:
    """Return the events of one attempt. `end`: the last events, without their ids."""
    ids: dict[str, Any] = {"run": RUN, "task": part, "employee": who, "order": uuid(500 + number)}
    assigned = task.Assigned(**ids, attempt=number, seed=7, reservation=CALL, due_at=AT + 10**9, skill=SKILL)
    charged = Amount(Decimal(usd), 700)
    begin = (assigned, task.CallStarted(**ids), task.CallFinished(**ids, snapshot=SNAPSHOT, charged=charged))
    return (*begin, *(replace(event, **ids) for event in end))


IDS: dict[str, Any] = {"run": RUN, "task": FIRST, "employee": EMPLOYEE, "order": uuid(500)}
HANDED_IN = task.Submitted(**IDS, files={}, tree=GOOD.tree)
VERIFIED = (HANDED_IN, task.Verified(**IDS, judgement=GOOD))
REJECTED = (HANDED_IN, task.Rejected(**IDS, judgement=BAD))
NO_CODE = (task.AttemptEnded(**IDS, outcome="no_code"),)
FAULT = (task.AttemptEnded(**IDS, outcome="connection", counts=False),)
LEASE_ENDED = (task.Released(**IDS, reason="lease_ended", cut_off=True, charged=COST),)
BEGUN = (FOUNDED, *STAFF, *PLANNED)


def test_the_manager_and_the_accountant_write_equal_rows() -> None:
    chance = Random(13)
    events: list[Event] = list(BEGUN)
    for number in range(1, 60):
        who, part = chance.choice((EMPLOYEE, OTHER_EMPLOYEE)), chance.choice((FIRST, SECOND))
        events += attempt(number, who, *chance.choice((REJECTED, NO_CODE, FAULT, LEASE_ENDED)), part=part)
    manager, accountant = folded(*events)
    assert routing(manager) == routing(accountant)
    assert manager.all(EvidenceRow), "control: there is evidence to compare"
    changed, _ = folded(*events[:-4])
    assert routing(changed) != routing(manager), "control: a different log gives different rows"


def test_the_rows_are_the_book_of_the_attempts() -> None:
    version, cost = version_of(PROFILE), 30_000
    rows, _ = folded(*BEGUN, *attempt(1, EMPLOYEE, *REJECTED), *attempt(2, EMPLOYEE, *VERIFIED))
    first = Attempt(verified=False, rate=MICRO // 2, rate_now=MICRO // 2, cost=cost, time=3 * SECOND_S)
    one = book.evolve(book.Book(), book.AttemptEnded(version=str(version), skill=SKILL, attempt=first))
    rate = one.posterior(str(version), SKILL, one.staff_rate).mean
    again = rate_now((), rate, total_of(rows).shape, 1)  # its own failure is no failure of others
    second = Attempt(verified=True, rate=rate, rate_now=again, cost=cost, time=3 * SECOND_S)
    whole = book.evolve(one, book.AttemptEnded(version=str(version), skill=SKILL, attempt=second))
    assert evidence_of(rows, version) == whole.overall[str(version)]
    assert evidence_of(rows, version, SKILL) == whole.skills[str(version), SKILL]
    total = total_of(rows)
    assert (total.spent, total.explored, total.staff_rate) == (2 * cost, 0, whole.staff_rate)
    assert total.scores == whole.scores == NO_SCORES, "a second attempt of the same version"
    other, _ = folded(*BEGUN, *attempt(1, EMPLOYEE, *REJECTED), *attempt(2, OTHER_EMPLOYEE, *VERIFIED))
    assert total_of(other).scores != NO_SCORES, "control: an attempt of another version"
    assert posterior_of(rows, version, SKILL, total.staff_rate) == whole.posterior(
        str(version), SKILL, whole.staff_rate
    )


@pytest.mark.parametrize("end", [FAULT, LEASE_ENDED], ids=["fault", "lease"])
def test_a_fault_is_no_evidence_but_its_cost_is_spent(end: tuple[Event, ...]) -> None:
    rows, _ = folded(*BEGUN, *attempt(1, EMPLOYEE, *end))
    spent = COST.usd + (COST.usd if end is LEASE_ENDED else 0)
    assert evidence_of(rows, version_of(PROFILE)) == NONE
    assert failures_of(rows, RUN, FIRST) == ()
    assert total_of(rows).spent == int(spent * MICRO)
    control, _ = folded(*BEGUN, *attempt(1, EMPLOYEE, *NO_CODE))
    assert evidence_of(control, version_of(PROFILE)).failed == MICRO
    assert len(failures_of(control, RUN, FIRST)) == 1


def test_an_old_receipt_that_ends_the_attempt_is_evidence() -> None:
    ids = {**IDS, "order": uuid(501)}
    old = task.CallFinished(**ids, snapshot=replace(SNAPSHOT, outcome="empty"), charged=COST, ends=True)
    rows, accountant = folded(*BEGUN, *attempt(1, EMPLOYEE)[:2], old)
    assert evidence_of(rows, version_of(PROFILE)).failed == MICRO
    assert routing(rows) == routing(accountant)
    fault, _ = folded(*BEGUN, *attempt(1, EMPLOYEE)[:2], replace(old, counts=False))
    assert evidence_of(fault, version_of(PROFILE)) == NONE, "control"


def test_an_attempt_to_learn_is_counted_as_explored() -> None:
    begin, *rest = attempt(1, EMPLOYEE, *REJECTED)
    assert isinstance(begin, task.Assigned)
    for reason, explored in (("explores", 30_000), ("best_value", 0)):
        choice = replace(CHOICE, reason=reason)
        rows, _ = folded(*BEGUN, replace(begin, choice=choice), *rest)
        assert (total_of(rows).spent, total_of(rows).explored) == (30_000, explored)
        assert failures_of(rows, RUN, FIRST)[0].expected == 30_000


def test_a_new_version_inherits_half_and_the_old_one_stays() -> None:
    newer: Profile = replace(PROFILE, model="m2")
    events = (*BEGUN, *attempt(1, EMPLOYEE, *REJECTED), *attempt(2, EMPLOYEE, *VERIFIED))
    rows, _ = folded(*events, employee.Hired(employee=EMPLOYEE, profile=newer))
    for key in (OVERALL, SKILL):
        former = evidence_of(rows, version_of(PROFILE), key)
        assert former.attempts == 2
        assert evidence_of(rows, version_of(newer), key) == inherited(former)
    assert version_at(rows, EMPLOYEE) == version_of(newer)
    assert total_of(rows).versions == 1, "an inherited version has no attempt of its own"
    same, _ = folded(*events, employee.Hired(employee=EMPLOYEE, profile=replace(PROFILE, slots=4)))
    assert same.all(EvidenceRow) == folded(*events)[0].all(EvidenceRow), "control: the same version"


def test_a_known_version_keeps_its_own_evidence() -> None:
    events = (*BEGUN, *attempt(1, EMPLOYEE, *REJECTED), *attempt(2, OTHER_EMPLOYEE, *VERIFIED))
    rows, _ = folded(*events, employee.Hired(employee=EMPLOYEE, profile=replace(OTHER_PROFILE, name="ada")))
    assert evidence_of(rows, version_of(OTHER_PROFILE)) == evidence_of(folded(*events)[0], version_of(OTHER_PROFILE))
    assert version_at(rows, EMPLOYEE) == version_of(OTHER_PROFILE)


REGRESSED = incident.Raised(
    incident=uuid(900),
    kind="regression",
    detail="worse",
    employee=EMPLOYEE,
    employee_version=version_of(PROFILE),
    measured={"before_tasks": 20, "before_verified": 18, "after_tasks": 4, "after_verified": 1},
)


def test_a_finding_of_a_regression_keeps_only_what_came_after_the_change() -> None:
    log = [*BEGUN, *(event for number in range(1, 7) for event in attempt(number, EMPLOYEE, *REJECTED))]
    before, _ = folded(*log)
    manager, accountant = folded(*log, REGRESSED)
    assert routing(manager) == routing(accountant)
    version = version_of(PROFILE)
    known, overall = evidence_of(before, version), evidence_of(manager, version)
    weight = min(4 * MICRO, known.verified + known.failed)
    assert (overall.verified, overall.failed) == (weight // 4, weight - weight // 4)
    assert (overall.attempts, overall.cost) == (known.attempts, known.cost), "its cost did not change"
    assert (evidence_of(manager, version, SKILL).failed, evidence_of(before, version, SKILL).failed > 0) == (0, True)
    for rows in (before, manager):
        assert total_of(rows).rates == smoothed_rate(evidence_of(rows, version))


@pytest.mark.parametrize(
    "event",
    [
        replace(REGRESSED, kind="stalled_run"),
        replace(REGRESSED, measured={}),
        replace(REGRESSED, measured={"after_tasks": 1, "after_verified": 2}),
        replace(REGRESSED, employee_version=None),
        replace(REGRESSED, employee_version=version_of(OTHER_PROFILE)),
    ],
)
def test_another_finding_changes_no_evidence(event: Event) -> None:
    log = [*BEGUN, *attempt(1, EMPLOYEE, *REJECTED)]
    before, _ = folded(*log)
    after_it, _ = folded(*log, event)
    version = version_of(PROFILE)
    assert evidence_of(after_it, version) == evidence_of(before, version) != NONE
    assert total_of(after_it).rates == total_of(before).rates


def test_rows_of_a_run_go_with_it() -> None:
    events = (*BEGUN, *attempt(1, EMPLOYEE, *REJECTED), *attempt(2, EMPLOYEE))
    rows, _ = folded(*events)
    assert (len(rows.all(FailedTask)), len(rows.of(OpenAttempt, RUN))) == (1, 1), "control"
    ended, _ = folded(*events, run_messages.Ended(run=RUN, outcome="cancelled", reason="no more"))
    assert not ended.all(FailedTask)
    assert not ended.of(OpenAttempt, RUN)
    verified, _ = folded(*events, *(replace(event, order=uuid(502)) for event in VERIFIED))
    assert not verified.all(FailedTask)
    assert not verified.of(OpenAttempt, RUN)


def test_a_late_end_without_a_row_changes_nothing() -> None:
    events = (*BEGUN, *attempt(1, EMPLOYEE, *REJECTED))
    again = (*events, *(replace(event, order=uuid(501)) for event in REJECTED))
    assert routing(folded(*again)[0]) == routing(folded(*events)[0])


def test_an_event_changes_the_same_number_of_rows_however_many_there_are() -> None:
    """Hire many versions with evidence. One more attempt still changes only a few rows."""
    projection = ManagerProjection()
    rows = Rows(projection.tables)
    for seq, event in enumerate(BEGUN, start=1):
        projection.apply(recorded(seq, event), rows)
    known = after(NONE, Attempt(verified=True, rate=MICRO, rate_now=MICRO, cost=1))
    for number in range(500):
        fields = {name: getattr(known, name) for name in known.__struct_fields__}
        rows.put(EvidenceRow(scope=uuid(10_000 + number), key=OVERALL, **fields))
    rows.settle()
    for seq, event in enumerate(attempt(1, EMPLOYEE, *REJECTED), start=50):
        projection.apply(recorded(seq, event), rows)
    changed = {kind.table: sum(1 for _ in keys) for kind, keys, _ in rows.changes()}
    assert {name: count for name, count in changed.items() if name.startswith("routing")} == {
        "routing_attempt": 1,
        "routing_evidence": 2,
        "routing_total": 1,
        "routing_task": 1,
    }


def test_the_tables_have_a_schema_version() -> None:
    """A type that cannot be part of a stored row would stop the consumer at its start."""
    for projection in (ManagerProjection(), AccountantProjection()):
        assert Tables(projection.name, projection.tables).version()


def test_the_classes_that_change_rows_are_read_by_both() -> None:
    for projection in (ManagerProjection(), AccountantProjection()):
        assert all(issubclass(kind, tuple(projection.reads)) for kind in ROUTING_READS)
