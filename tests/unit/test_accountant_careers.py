"""The Accountant's careers: rows, reactions and the duty that ends trust. Each refusal has its control."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from agents.accountant import Accountant
from agents.trust_terms import TrustTerms, due, earliest_loss
from bus.projection import Cause
from bus.projection_rows import Rows
from domain import employee, incident, task
from domain.employee import Hired, Placed
from domain.ladder import DAY_US
from domain.message import Command, Event
from domain.routing.fixed_point import MICRO
from domain.tiers import Tier
from governance.hr_rules import default
from projections.accountant import AccountantProjection
from projections.career_rows import CareerRow, career_of
from projections.fine_rows import FineRow, result_of
from projections.manager import EmployeeRow, ManagerProjection
from tests.unit.given import decide
from tests.unit.samples import (
    AT,
    BAD,
    EMPLOYEE,
    FIRST,
    GOOD,
    INCIDENT,
    OTHER_EMPLOYEE,
    PROFILE,
    RUN,
    WITH_SESSIONS,
    happened,
    uuid,
)
from tests.unit.test_career import RULES, START, START_CEILINGS, fine
from tests.unit.test_leaving import after
from tests.unit.test_projections import recorded

HIRED = (Hired(employee=EMPLOYEE, profile=WITH_SESSIONS, tier=START, ceilings=START_CEILINGS),)
WITHOUT_CAREER = (Hired(employee=EMPLOYEE, profile=WITH_SESSIONS),)
ACCOUNTANT = Accountant(RULES, default().of_fines)
CAUSE = UUID(int=77)
_WORK: dict[str, Any] = {"run": RUN, "task": FIRST, "employee": EMPLOYEE}


def results(count: int, *, verified: bool, first: int = 1) -> tuple[Event, ...]:
    """Return the verdicts about attempts of the employee."""
    kind, judgement = (task.Verified, GOOD) if verified else (task.Rejected, BAD)
    return tuple(kind(**_WORK, order=uuid(1000 + n), judgement=judgement) for n in range(first, first + count))


def career(*events: Event) -> CareerRow:
    row = career_of(after(AccountantProjection(), *events), EMPLOYEE)
    assert row is not None
    return row


def reactions(*events: Event, accountant: Accountant = ACCOUNTANT) -> Sequence[Command]:
    """Return the Accountant's reaction to the last of these events."""
    rows = after(AccountantProjection(), *events)
    return accountant.react(recorded(len(events), events[-1]), rows, Cause(CAUSE, AT))


def told(*events: Event) -> tuple[Event, ...]:
    """Return the events with those that the Accountant's reactions to them cause, in order."""
    log = list[Event]()
    for event in events:
        log.append(event)
        for command in reactions(*log):
            of_employees = [each for each in log if isinstance(each, employee.EmployeeEvent)]
            log += decide(command, *of_employees)
    return tuple(log)


def test_a_career_begins_with_the_hire_and_counts_each_result() -> None:
    row = career(*HIRED)
    assert (row.tier, row.ceilings, row.tier_verified, row.tier_failed) == ("probation", START_CEILINGS, 0, 0)
    row = career(*HIRED, *results(3, verified=True), *results(2, verified=False, first=4))
    assert (row.tier_verified, row.tier_failed) == (3, 2)
    assert 2 * MICRO < row.verified <= 3 * MICRO
    assert 1 * MICRO < row.failed <= 2 * MICRO


def test_faults_and_releases_are_no_results() -> None:
    (answered,) = happened("task.call_finished")
    assert isinstance(answered, task.CallFinished)
    fault = replace(answered, counts=False, ends=True)
    assert result_of(fault) is None
    assert career(*HIRED, fault).tier_failed == 0
    counts = replace(fault, counts=True)
    assert result_of(counts) is False
    assert career(*HIRED, counts).tier_failed == 1, "control: an answer without work"
    assert all(result_of(event) is None for event in happened("task.assigned", "task.released", "task.submitted"))


def test_the_twentieth_verified_task_ends_the_probation() -> None:
    before = (*HIRED, *results(19, verified=True))
    assert list(reactions(*before)) == []
    (command,) = reactions(*HIRED, *results(20, verified=True))
    assert isinstance(command, employee.Assess)
    assert (command.employee, command.tier, command.record.tier_verified) == (EMPLOYEE, "probation", 20)
    (promoted,) = decide(command, *HIRED)
    row = career(*HIRED, *results(20, verified=True), promoted)
    assert (row.tier, row.tier_verified, row.since) == ("junior", 0, AT + 22)
    assert row.verified == command.record.verified, "the evidence stays"
    assert list(reactions(*WITHOUT_CAREER, *results(20, verified=True))) == [], "no career, no ceilings"
    assert list(reactions(*HIRED, *results(20, verified=True), accountant=Accountant())) == []


def test_one_result_moves_an_employee_by_one_step_at_most() -> None:
    log = told(*HIRED, *results(130, verified=True))
    moves = [event for event in log if isinstance(event, employee.TierChanged)]
    assert [event.tier for event in moves] == ["junior", "mid", "senior"]
    places = [log.index(event) for event in moves]
    assert all(log[place + 1] not in moves for place in places)
    assert moves[1].lower >= 600_000
    assert career(*log).tier == "senior"


def test_a_new_version_begins_with_half_of_the_evidence_and_keeps_its_tier() -> None:
    log = told(*HIRED, *results(20, verified=True))
    before, now = career(*log), career(*log, Hired(employee=EMPLOYEE, profile=PROFILE))
    assert (now.tier, now.verified) == ("junior", before.verified // 2)
    same = career(*log, Hired(employee=EMPLOYEE, profile=replace(WITH_SESSIONS, slots=4)))
    assert same == before, "control: the same version"


def test_a_breach_is_fined_and_an_honest_failure_is_not() -> None:
    (raised,) = happened("incident.raised")
    assert isinstance(raised, incident.Raised)
    (command,) = reactions(*HIRED, raised)
    assert isinstance(command, employee.Fine)
    assert (command.incident, command.kind) == (INCIDENT, "integrity")
    for honest in ("repeated_failure", "regression", "stalled_task", "cost_spike"):
        assert list(reactions(*HIRED, replace(raised, kind=honest))) == []
    assert list(reactions(*HIRED, replace(raised, employee=None))) == []


def test_a_fine_is_in_the_rows_of_both_and_ends_after_its_attempts() -> None:
    fined = decide(replace(fine(1), rules=default().of_fines), *HIRED)
    begun = (*HIRED, *fined)
    for count, percent in ((0, 100), (19, 100), (20, 0)):
        log = (*begun, *results(count, verified=count % 2 == 0))
        manager = after(ManagerProjection(), *log).get(EmployeeRow, EMPLOYEE, "employee")
        assert manager is not None
        assert (career(*log).handicap_percent, manager.handicap_percent) == (percent, percent)
        left = [row.tasks_left for row in after(AccountantProjection(), *log).of(FineRow, EMPLOYEE)]
        assert left == ([20 - count] if percent else [])
    other = replace(results(1, verified=True)[0], employee=OTHER_EMPLOYEE)
    rows = after(AccountantProjection(), *begun, other)
    assert [row.tasks_left for row in rows.of(FineRow, EMPLOYEE)] == [20], "control: the work of somebody else"


def test_a_granted_appeal_ends_the_fine() -> None:
    fined = (*HIRED, *decide(fine(1), *HIRED))
    granted = employee.AppealDecided(employee=EMPLOYEE, incident=uuid(1), granted=True, reason="the log shows it")
    assert career(*fined, granted).handicap_percent == 0
    assert career(*fined, replace(granted, granted=False)).handicap_percent == 100
    assert career(*fined, replace(granted, incident=uuid(2))).handicap_percent == 100


def test_a_rehired_employee_has_its_tier_in_the_managers_rows_again() -> None:
    log = told(*HIRED, *results(20, verified=True))
    dismissed = (*log, *happened("employee.dismissed"))
    back = employee.Rehired(
        employee=EMPLOYEE, reason="x", profile=WITH_SESSIONS, probation=False, tier="junior", ceilings=START_CEILINGS
    )
    row = after(ManagerProjection(), *dismissed, back).get(EmployeeRow, EMPLOYEE, "employee")
    assert row is not None
    assert (row.tier, row.ceilings) == ("junior", START_CEILINGS)
    assert career(*dismissed).employed is False
    assert (career(*dismissed, back).employed, career(*dismissed, back).tier) == (True, "junior")


def placed(tier: Tier) -> tuple[Event, ...]:
    """Return the events of an employee with much evidence that the Director has placed."""
    event = Placed(
        employee=EMPLOYEE, before=None, tier=tier, ceilings=START_CEILINGS, reason="x", rules_version=RULES.version
    )
    return (*HIRED, *results(60, verified=True), event)


def test_trust_is_due_on_its_date_with_a_derived_id() -> None:
    rows = after(AccountantProjection(), *placed("senior"))
    row = career_of(rows, EMPLOYEE)
    assert row is not None
    half_life = earliest_loss(row, RULES)
    assert half_life == row.evidence_at + 60 * DAY_US
    assert due(rows, RULES, half_life) == []
    (command,) = due(rows, RULES, half_life + 1000 * DAY_US)
    assert due(rows, RULES, half_life + 1001 * DAY_US)[0].id == command.id
    (demoted,) = decide(command, *[event for event in placed("senior") if isinstance(event, employee.EmployeeEvent)])
    assert isinstance(demoted, employee.Demoted)
    lost = career(*placed("senior"), demoted)
    assert (lost.tier, lost.verified) == ("mid", demoted.record.verified)
    next_rows = after(AccountantProjection(), *placed("senior"), demoted)
    again = due(next_rows, RULES, half_life + 3000 * DAY_US)
    assert [each.id for each in again] != [command.id]


def test_nobody_without_a_career_loses_trust() -> None:
    late = AT + 10_000 * DAY_US
    assert due(None, RULES, late) == []
    assert due(after(AccountantProjection(), *WITHOUT_CAREER), RULES, late) == []
    assert due(after(AccountantProjection(), *placed("probation")), RULES, late) == []
    assert due(after(AccountantProjection(), *placed("senior")), replace(RULES, half_life_days=None), late) == []
    dismissed = (*placed("senior"), *happened("employee.dismissed"))
    assert due(after(AccountantProjection(), *dismissed), RULES, late) == []
    assert len(due(after(AccountantProjection(), *placed("senior")), RULES, late)) == 1, "control"


@pytest.mark.parametrize(("tier", "waits"), [("senior", True), ("probation", False)])
def test_the_duty_sleeps_without_trust_to_lose(tier: Tier, waits: bool) -> None:
    async def send(command: Command) -> None:
        raise AssertionError(command)

    terms = TrustTerms(send, RULES, clock=lambda: AT)
    terms.note(after(AccountantProjection(), *placed(tier)), live=True)
    assert (terms._wait_s() is not None) == waits


def test_rows_are_the_same_at_every_cut() -> None:
    """A row holds all that later events need: rows that go on from stored ones equal rows of the whole log."""
    log = told(*HIRED, *results(40, verified=True), *decide(fine(1), *HIRED), *results(15, verified=False, first=50))
    whole = after(AccountantProjection(), *log).snapshot()
    for cut in range(0, len(log), 9):
        rows = Rows(AccountantProjection.tables)
        for seq, event in enumerate(log, start=1):
            AccountantProjection().apply(recorded(seq, event), rows)
            if seq == cut:
                rows.settle()
        assert rows.snapshot() == whole
