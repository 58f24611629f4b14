"""Careers in the employee's decider: promotion, demotion, loss of trust, placing, and fines. Each with its control."""

import pytest
from msgspec.structs import replace

from domain.career_messages import FineRule, FineRules
from domain.employee import (
    Assess,
    Demoted,
    Fine,
    Fined,
    Hire,
    Hired,
    LoseTrust,
    Place,
    Placed,
    Promoted,
    version_of,
)
from domain.errors import Invalid, NotFound, Refused
from domain.ladder import DAY_US
from domain.message import Erased, Event
from domain.tiers import NO_CEILINGS, Ceilings, Record, Tier, loses_trust_at
from governance.hr_rules import default
from tests.unit.given import decide, fold, given
from tests.unit.samples import AT, COMMAND, EMPLOYEE, PROFILE, WITH_SESSIONS, happened, uuid
from tests.unit.test_discipline import REHIRE, appealed, decision, struck
from tests.unit.test_tiers import record

RULES = default().of_tiers
FINES = FineRules(version=RULES.version, fines={"integrity": FineRule(percent=100, tasks=20)})
START, START_CEILINGS = default().start
HIRED = (Hired(employee=EMPLOYEE, profile=WITH_SESSIONS, tier=START, ceilings=START_CEILINGS),)
WITHOUT_CAREER = (Hired(employee=EMPLOYEE, profile=WITH_SESSIONS),)
OTHER_CEILINGS = replace(
    RULES, version="hr-new", tiers=(replace(RULES.tiers[0], ceilings=Ceilings(open_attempts_max=9)), *RULES.tiers[1:])
)
GOOD, BAD = record(20, 4), record(1, 12)


def assess(tier: Tier, seen: Record) -> Assess:
    return Assess(id=COMMAND, at=AT, employee=EMPLOYEE, tier=tier, record=seen, rules=RULES)


def lose(tier: Tier, seen: Record, at: int) -> LoseTrust:
    return LoseTrust(id=COMMAND, at=at, employee=EMPLOYEE, tier=tier, record=seen, rules=RULES)


def place(tier: Tier, reason: str = " I know its work ") -> Place:
    ceilings = RULES.of(tier).ceilings
    return Place(
        id=COMMAND,
        at=AT,
        employee=EMPLOYEE,
        tier=tier,
        ceilings=ceilings,
        rules_version=RULES.version,
        reason=reason,
    )


def fine(n: int, kind: str = "integrity") -> Fine:
    return Fine(id=COMMAND, at=AT, employee=EMPLOYEE, incident=uuid(n), kind=kind, reason="wrote x.py", rules=FINES)


def placed(tier: Tier, *before: Event) -> tuple[Event, ...]:
    """Return the events of an employee that the Director has placed."""
    return (*before, *decide(place(tier), *before))


def test_a_new_employee_begins_at_the_tier_of_the_command() -> None:
    hire = Hire(id=COMMAND, at=AT, employee=EMPLOYEE, profile=WITH_SESSIONS, tier=START, ceilings=START_CEILINGS)
    given().when(hire).then(*HIRED)
    state = fold("employee", *HIRED)
    assert (state.tier, state.ceilings, state.probation) == ("probation", START_CEILINGS, True)
    given().when(replace(hire, tier=None, ceilings=None)).then(*WITHOUT_CAREER)
    assert fold("employee", *WITHOUT_CAREER).tier is None
    junior = placed("junior", *HIRED)
    given(*junior).when(replace(hire, profile=PROFILE)).then(Hired(employee=EMPLOYEE, profile=PROFILE))
    assert fold("employee", *junior, Hired(employee=EMPLOYEE, profile=PROFILE)).tier == "junior"


def test_probation_ends_by_the_terms_with_the_numbers_in_the_event() -> None:
    lower, upper = GOOD.bounds
    promoted = Promoted(
        employee=EMPLOYEE,
        before="probation",
        tier="junior",
        ceilings=RULES.of("junior").ceilings,
        record=GOOD,
        lower=lower,
        upper=upper,
        rule="probation",
        rules_version=RULES.version,
    )
    given(*HIRED).when(assess("probation", GOOD)).then(promoted)
    given(*HIRED).when(assess("probation", record(19, 4))).then()
    state = fold("employee", *HIRED, promoted)
    assert (state.tier, state.ceilings, state.probation) == ("junior", RULES.of("junior").ceilings, False)


def test_a_bad_record_costs_one_tier_and_a_medium_one_none() -> None:
    mid = placed("mid", *HIRED)
    (demoted,) = decide(assess("mid", BAD), *mid)
    assert isinstance(demoted, Demoted)
    assert (demoted.before, demoted.tier, demoted.rule) == ("mid", "junior", "fall")
    assert demoted.ceilings == RULES.of("junior").ceilings
    given(*mid).when(assess("mid", record(8, 7))).then()
    (promoted,) = decide(assess("mid", record(60, 5)), *mid)
    assert isinstance(promoted, Promoted)
    assert (promoted.tier, promoted.rule) == ("senior", "rise")


def test_rows_that_are_out_of_date_move_nobody() -> None:
    promoted = decide(assess("probation", GOOD), *HIRED)
    given(*HIRED, *promoted).when(assess("probation", GOOD)).then()
    given(*HIRED, *happened("employee.dismissed")).when(assess("probation", GOOD)).then()
    given(*WITHOUT_CAREER).when(assess("probation", GOOD)).then()
    given().when(assess("probation", GOOD)).refused(NotFound, "No employee")
    suspended = happened("employee.suspended")
    assert decide(assess("probation", GOOD), *HIRED, *suspended) == promoted, "control: its work still counts"


def test_changed_rules_renew_the_ceilings_of_the_same_tier() -> None:
    other = OTHER_CEILINGS.of("probation").ceilings
    command = replace(assess("probation", record(1, 0)), rules=OTHER_CEILINGS)
    (renewed,) = decide(command, *HIRED)
    assert isinstance(renewed, Placed)
    assert (renewed.before, renewed.tier, renewed.ceilings) == ("probation", "probation", other)
    assert (renewed.rule, renewed.rules_version) == ("ceilings", "hr-new")
    given(*HIRED, renewed).when(command).then()


def test_trust_ends_on_its_date_and_what_is_left_is_in_the_event() -> None:
    mid, seen = placed("mid", *HIRED), record(60, 10)
    lost_at = loses_trust_at("mid", seen, RULES)
    assert lost_at is not None
    given(*mid).when(lose("mid", seen, lost_at - 1)).then()
    (demoted,) = decide(lose("mid", seen, lost_at + 40 * DAY_US), *mid)
    assert isinstance(demoted, Demoted)
    assert (demoted.before, demoted.tier, demoted.rule) == ("mid", "junior", "trust")
    assert demoted.record.at == lost_at, "the date, not the time of the command"
    assert 0 < demoted.record.verified < seen.verified
    given(*mid, demoted).when(lose("mid", seen, lost_at + 40 * DAY_US)).then()
    given(*HIRED).when(lose("probation", seen, lost_at)).then()
    given(*mid, *happened("employee.dismissed")).when(lose("mid", seen, lost_at)).then()


def test_the_director_places_an_employee_with_a_reason() -> None:
    expected = Placed(
        employee=EMPLOYEE,
        before=None,
        tier="senior",
        ceilings=NO_CEILINGS,
        reason="I know its work",
        rules_version=RULES.version,
    )
    given(*WITHOUT_CAREER).when(place("senior")).then(expected)
    given(*WITHOUT_CAREER, expected).when(place("senior")).then()
    given(*WITHOUT_CAREER).when(place("senior", "  ")).refused(Invalid, "A reason is needed")
    given().when(place("senior")).refused(NotFound, "No employee")
    dismissed = (*WITHOUT_CAREER, *happened("employee.dismissed"))
    given(*dismissed).when(place("senior")).refused(Refused, "was dismissed")
    unknown = replace(place("senior"), tier="boss")
    given(*WITHOUT_CAREER).when(unknown).refused(Invalid, "no tier boss")


def test_a_breach_is_fined_once_and_an_honest_failure_never() -> None:
    fined = Fined(
        employee=EMPLOYEE,
        incident=uuid(1),
        percent=100,
        tasks=20,
        reason="wrote x.py",
        rule="integrity",
        rules_version=RULES.version,
    )
    given(*HIRED).when(fine(1)).then(fined)
    given(*HIRED, fined).when(fine(1)).then()
    given(*HIRED, fined).when(fine(2)).then(replace(fined, incident=uuid(2)))
    for honest in ("repeated_failure", "regression", "stalled_task", "cost_spike", "scope_drift"):
        given(*HIRED).when(fine(1, honest)).then()
    given(*HIRED, *happened("employee.dismissed")).when(fine(1)).then()
    given().when(fine(1)).refused(NotFound, "No employee")


def test_a_strike_that_an_appeal_reversed_is_not_fined() -> None:
    granted = (*struck(1), appealed(1))
    granted = (*granted, *decide(decision(1, granted=True), *granted))
    given(*granted).when(fine(1)).then()
    denied = (*struck(1), appealed(1))
    denied = (*denied, *decide(decision(1, granted=False), *denied))
    assert decide(fine(1), *denied) != (), "control: a denied appeal"


@pytest.mark.parametrize("ceilings", [START_CEILINGS, None])
def test_a_rehire_begins_on_probation_and_without_rules_the_tier_stays(ceilings: Ceilings | None) -> None:
    gone = (*placed("senior", *HIRED), *happened("employee.dismissed"))
    events = decide(replace(REHIRE, ceilings=ceilings), *gone)
    state = fold("employee", *gone, *events)
    assert state.tier == ("senior" if ceilings is None else "probation")
    assert state.phase == "working"


def test_a_purge_of_the_payload_changes_no_tier() -> None:
    state = fold("employee", *HIRED)
    for kind in ("promoted", "demoted", "placed", "fined"):
        erased = Erased(type=f"employee.{kind}", entity_kind="employee", entity_id=EMPLOYEE, run=None)
        assert fold("employee", *HIRED, erased) == state
    assert version_of(WITH_SESSIONS) != version_of(PROFILE), "control: the hires of these tests differ"
