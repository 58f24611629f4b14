"""HR's rules in the employee's decider: the ladder of strikes, terms, blacklisted versions, appeals and rehires."""

from uuid import UUID

import pytest
from msgspec.structs import replace

from domain.employee import (
    Appeal,
    AppealDecided,
    Appealed,
    DecideAppeal,
    Dismissed,
    EmployeeState,
    EndTerm,
    Hire,
    Hired,
    Rehire,
    Rehired,
    Reinstate,
    Reinstated,
    Strike,
    Suspend,
    Suspended,
    SuspendVersion,
    Warned,
    version_of,
)
from domain.employee_state import AppealState
from domain.errors import Invalid, LimitReached, NotFound, Refused
from domain.ladder import DAY_US, Step, StrikeRules
from domain.message import Event
from tests.unit.given import decide, fold, given
from tests.unit.samples import AT, CEILINGS, COMMAND, EMPLOYEE, PROFILE, WITH_SESSIONS, happened, uuid

VERSION_OF_RULES = "hr-0123456789ab"
RULES = StrikeRules(
    version=VERSION_OF_RULES,
    ladder=(Step(action="warn"), Step(action="suspend", days=7), Step(action="end")),
    rehire_days=30,
)
VERSION = version_of(WITH_SESSIONS)
HIRED = happened("employee.hired")
GROUNDS, REASON = "the harness wrote x.py", "the log shows it"
SUSPEND_VERSION = SuspendVersion(
    id=COMMAND, at=AT, employee=EMPLOYEE, employee_version=VERSION, reason="it forges verdicts"
)
SUSPEND = Suspend(id=COMMAND, at=AT, employee=EMPLOYEE, reason="asked")
REINSTATE = Reinstate(id=COMMAND, at=AT, employee=EMPLOYEE, reason=REASON)
REHIRE = Rehire(id=COMMAND, at=AT + 30 * DAY_US, employee=EMPLOYEE, reason=" a second chance ")


def by_rules(n: int, rules: StrikeRules = RULES) -> Strike:
    return Strike(id=COMMAND, at=AT, employee=EMPLOYEE, incident=uuid(n), reason="wrote x.py", rules=rules)


def struck(count: int, rules: StrikeRules = RULES) -> tuple[Event, ...]:
    """Return a hired employee with the strikes of the incidents 1 to `count`."""
    events: tuple[Event, ...] = HIRED
    for n in range(1, count + 1):
        events += decide(by_rules(n, rules), *events)
    return events


def warned(n: int, number: int) -> Warned:
    return Warned(
        employee=EMPLOYEE,
        incident=uuid(n),
        reason="wrote x.py",
        rule=f"strike {number}",
        rules_version=VERSION_OF_RULES,
    )


def suspended(n: int, number: int, days: int | None = 7) -> Suspended:
    return Suspended(
        employee=EMPLOYEE,
        incident=uuid(n),
        reason="wrote x.py",
        until=None if days is None else AT + days * DAY_US,
        rule=f"strike {number}",
        rules_version=VERSION_OF_RULES,
    )


def dismissed(n: int, number: int) -> Dismissed:
    return Dismissed(
        employee=EMPLOYEE,
        incident=uuid(n),
        reason="wrote x.py",
        rehire_from=AT + 30 * DAY_US,
        rule=f"strike {number}",
        rules_version=VERSION_OF_RULES,
    )


def appeal(n: int) -> Appeal:
    return Appeal(id=COMMAND, at=AT, employee=EMPLOYEE, incident=uuid(n), grounds=f" {GROUNDS} ", filings_max=2)


def appealed(n: int) -> Appealed:
    return Appealed(employee=EMPLOYEE, incident=uuid(n), grounds=GROUNDS)


def decision(n: int, *, granted: bool) -> DecideAppeal:
    return DecideAppeal(id=COMMAND, at=AT, employee=EMPLOYEE, incident=uuid(n), granted=granted, reason=REASON)


def decided(n: int, *, granted: bool) -> AppealDecided:
    return AppealDecided(employee=EMPLOYEE, incident=uuid(n), granted=granted, reason=REASON)


def state_after(*events: Event) -> EmployeeState:
    state = fold("employee", *events)
    assert isinstance(state, EmployeeState)
    return state


def test_each_strike_is_one_step_and_the_third_ends_the_employment() -> None:
    given(*HIRED).when(by_rules(1)).then(warned(1, 1))
    given(*struck(1)).when(by_rules(2)).then(suspended(2, 2))
    given(*struck(2)).when(by_rules(3)).then(dismissed(3, 3))
    given(*struck(3)).when(by_rules(4)).then()
    assert [state_after(*struck(n)).phase for n in range(4)] == ["working", "working", "suspended", "dismissed"]
    assert state_after(*struck(3)).strikes == (uuid(1), uuid(2), uuid(3))


def test_two_strikes_at_once_are_not_both_the_first() -> None:
    """The log guards the employee's scope: the second command is decided again, on the state after the first."""
    first, second = by_rules(1), by_rules(2)
    given(*HIRED).when(first).then(warned(1, 1))
    given(*HIRED).when(second).then(warned(2, 1))
    given(*HIRED, warned(1, 1)).when(second).then(suspended(2, 2))
    given(*HIRED, warned(2, 1)).when(first).then(suspended(1, 2))


def test_an_incident_is_answered_once() -> None:
    for n in (1, 2):
        given(*struck(n)).when(by_rules(n)).then()
        assert decide(by_rules(n + 1), *struck(n)), "control"
    reversed_strike = (*struck(1), appealed(1), decided(1, granted=True))
    given(*reversed_strike).when(by_rules(1)).then()
    given(*reversed_strike).when(by_rules(2)).then(warned(2, 1))


def test_strikes_follow_the_employee_through_a_reinstatement() -> None:
    given(*struck(2), *decide(REINSTATE, *struck(2))).when(by_rules(3)).then(dismissed(3, 3))
    cleared = Reinstated(employee=EMPLOYEE, reason="x", strikes_kept=False)
    given(*struck(2), cleared).when(by_rules(3)).then(warned(3, 1))


def test_after_the_last_step_it_is_the_last_one_again() -> None:
    rules = replace(RULES, ladder=(Step(action="warn"), Step(action="suspend", days=1)))
    assert [type(event) for event in struck(4, rules)] == [Hired, Warned, Suspended, Suspended, Suspended]


def test_a_suspension_by_the_ladder_may_have_no_term() -> None:
    rules = replace(RULES, ladder=(Step(action="suspend"), Step(action="end")))
    given(*HIRED).when(by_rules(1, rules)).then(suspended(1, 1, days=None))


def test_without_rules_it_is_decided_as_before() -> None:
    former = replace(by_rules(1), rules=None)
    given(*HIRED).when(former).then(Warned(employee=EMPLOYEE, incident=uuid(1), reason="wrote x.py"))
    given(*struck(1)).when(replace(former, incident=uuid(2))).then(
        Suspended(employee=EMPLOYEE, incident=uuid(2), reason="wrote x.py")
    )
    given(*struck(2)).when(replace(former, incident=uuid(3))).then()
    given(*struck(2)).when(by_rules(3)).then(dismissed(3, 3))


END_TERM = EndTerm(id=COMMAND, at=AT + 7 * DAY_US, employee=EMPLOYEE)
TERM_ENDED = Reinstated(employee=EMPLOYEE, reason="The term of the suspension has ended.", rule="term")


def test_a_term_ends_when_its_time_has_come() -> None:
    given(*struck(2)).when(END_TERM).then(TERM_ENDED)
    given(*struck(2)).when(replace(END_TERM, at=AT + 7 * DAY_US - 1)).then()
    given(*struck(1)).when(END_TERM).then()
    given(*struck(3)).when(END_TERM).then()
    given(*struck(2), TERM_ENDED).when(END_TERM).then()
    given().when(END_TERM).then()
    after = state_after(*struck(2), TERM_ENDED)
    assert (after.phase, len(after.strikes), after.until) == ("working", 2, None)


def test_a_suspension_lasts_until_each_of_its_causes_has_ended() -> None:
    by_director = Suspended(employee=EMPLOYEE, incident=None, reason="asked")
    longer = replace(by_director, until=AT + 9 * DAY_US)
    given(*struck(2)).when(SUSPEND).then(by_director)
    given(*struck(2), by_director).when(END_TERM).then()
    given(*struck(1), by_director).when(by_rules(2)).then(suspended(2, 2))
    given(*struck(1), by_director, suspended(2, 2)).when(END_TERM).then()
    given(*struck(2), longer).when(END_TERM).then()
    given(*struck(2), longer).when(replace(END_TERM, at=AT + 9 * DAY_US)).then(TERM_ENDED)
    given(*struck(2), by_director).when(REINSTATE).then(Reinstated(employee=EMPLOYEE, reason=REASON))


def test_the_director_may_suspend_with_a_term() -> None:
    until = AT + DAY_US
    given(*HIRED).when(replace(SUSPEND, until=until)).then(
        Suspended(employee=EMPLOYEE, incident=None, reason="asked", until=until)
    )
    given(*HIRED).when(replace(SUSPEND, until=AT)).refused(Invalid, "must be in the future")
    given(*HIRED, *decide(SUSPEND, *HIRED)).when(SUSPEND).refused(Refused, "already suspended")


BLACKLISTED = Suspended(employee=EMPLOYEE, incident=None, reason="it forges verdicts", rule="blacklist")


def test_a_blacklisted_version_is_suspended_once() -> None:
    other = Hired(employee=EMPLOYEE, profile=replace(WITH_SESSIONS, style="grammar"))
    given(*HIRED).when(SUSPEND_VERSION).then(BLACKLISTED)
    given(*HIRED, BLACKLISTED).when(SUSPEND_VERSION).then()
    given(*struck(2)).when(SUSPEND_VERSION).then(BLACKLISTED)
    given(*struck(2), BLACKLISTED).when(END_TERM).then()
    given(*struck(3)).when(SUSPEND_VERSION).then()
    given(*HIRED, other).when(SUSPEND_VERSION).then()
    given().when(SUSPEND_VERSION).then()


def test_nobody_works_with_a_blacklisted_version() -> None:
    other = Hired(employee=EMPLOYEE, profile=replace(WITH_SESSIONS, style="grammar"))
    barred = replace(REINSTATE, blacklisted=(VERSION,))
    given(*HIRED, BLACKLISTED).when(barred).refused(Refused, f"Version {VERSION} of ada")
    given(*HIRED, BLACKLISTED, other).when(barred).then(Reinstated(employee=EMPLOYEE, reason=REASON))
    given(*HIRED, BLACKLISTED).when(REINSTATE).then(Reinstated(employee=EMPLOYEE, reason=REASON))
    given(*struck(3)).when(replace(REHIRE, blacklisted=(VERSION,))).refused(Refused, "is blacklisted")
    assert decide(replace(REHIRE, blacklisted=(uuid(1),)), *struck(3)), "control"
    hire = Hire(id=COMMAND, at=AT, employee=EMPLOYEE, profile=WITH_SESSIONS, blacklisted=(VERSION,))
    given().when(hire).refused(Refused, "is blacklisted")
    given().when(replace(hire, profile=PROFILE)).then(Hired(employee=EMPLOYEE, profile=PROFILE))


def test_a_strike_that_counts_may_be_appealed() -> None:
    for n in (1, 2, 3):
        given(*struck(3)).when(appeal(n)).then(appealed(n))
    given(*struck(1)).when(appeal(2)).refused(NotFound, f"no strike of incident {uuid(2)}")
    given(*struck(1)).when(replace(appeal(1), grounds=" ")).refused(Invalid, "reason is needed")
    given(*struck(1), appealed(1)).when(appeal(1)).refused(Refused, "is open")
    given(*struck(1), appealed(1), decided(1, granted=True)).when(appeal(1)).refused(Refused, "is reversed already")


def test_a_strike_is_appealed_at_most_as_often_as_the_rules_allow() -> None:
    denied = (*struck(1), appealed(1), decided(1, granted=False))
    given(*denied).when(appeal(1)).then(appealed(1))
    given(*denied, appealed(1), decided(1, granted=False)).when(appeal(1)).refused(LimitReached, "appealed 2 times")
    assert state_after(*denied).appeals == {uuid(1): AppealState(open=False, filed=1)}


def test_only_an_open_appeal_is_decided_and_with_a_reason() -> None:
    for granted in (True, False):
        given(*struck(1)).when(decision(1, granted=granted)).refused(Refused, "is open")
        closed = (*struck(1), appealed(1), decided(1, granted=granted))
        given(*closed).when(decision(1, granted=granted)).refused(Refused, "is open")
        given(*struck(1), appealed(1)).when(replace(decision(1, granted=granted), reason="")).refused(
            Invalid, "reason is needed"
        )


def test_a_denied_appeal_changes_nothing_else() -> None:
    for count in (1, 2, 3):
        before = (*struck(count), appealed(1))
        given(*before).when(decision(1, granted=False)).then(decided(1, granted=False))
        after = state_after(*before, decided(1, granted=False))
        assert (after.phase, after.strikes) == (state_after(*before).phase, state_after(*before).strikes)


BACK = Reinstated(employee=EMPLOYEE, reason=REASON, rule="appeal")


@pytest.mark.parametrize("n", [1, 2])
def test_a_granted_appeal_ends_the_suspension_that_needs_the_strike(n: int) -> None:
    before = (*struck(2), appealed(n))
    given(*before).when(decision(n, granted=True)).then(decided(n, granted=True), BACK)
    after = state_after(*before, decided(n, granted=True), BACK)
    assert (after.phase, after.strikes, after.reversed) == ("working", (uuid(3 - n),), (uuid(n),))
    given(*before, decided(n, granted=True), BACK).when(by_rules(4)).then(suspended(4, 2))


def test_a_granted_appeal_of_a_warning_takes_the_strike_away() -> None:
    before = (*struck(1), appealed(1))
    given(*before).when(decision(1, granted=True)).then(decided(1, granted=True))
    given(*before, decided(1, granted=True)).when(by_rules(2)).then(warned(2, 1))


@pytest.mark.parametrize(
    "other", [Suspended(employee=EMPLOYEE, incident=None, reason="asked"), BLACKLISTED], ids=["director", "blacklist"]
)
def test_a_granted_appeal_ends_no_suspension_with_another_cause(other: Suspended) -> None:
    before = (*struck(2), other, appealed(2))
    given(*before).when(decision(2, granted=True)).then(decided(2, granted=True))
    assert state_after(*before, decided(2, granted=True)).phase == "suspended"


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_granted_appeal_ends_the_dismissal_that_needs_the_strike(n: int) -> None:
    """A suspension of a strike that still counts goes on until its term ends."""
    before = (*struck(3), appealed(n))
    goes_on = n in (1, 3)
    back = Rehired(
        employee=EMPLOYEE,
        reason=REASON,
        profile=WITH_SESSIONS,
        probation=False,
        suspended=goes_on,
        rule="appeal",
        tier="probation",
        ceilings=CEILINGS,
    )
    given(*before).when(decision(n, granted=True)).then(decided(n, granted=True), back)
    after = state_after(*before, decided(n, granted=True), back)
    rest = tuple(uuid(each) for each in (1, 2, 3) if each != n)
    assert (after.phase, after.strikes) == ("suspended" if goes_on else "working", rest)
    assert (after.tier, after.end) == ("probation", None), "the tier from before"
    expected = (TERM_ENDED,) if goes_on else ()
    given(*before, decided(n, granted=True), back).when(END_TERM).then(*expected)


def test_a_granted_appeal_ends_no_dismissal_by_the_director() -> None:
    before = (*struck(1), Dismissed(employee=EMPLOYEE, reason="too slow"), appealed(1))
    given(*before).when(decision(1, granted=True)).then(decided(1, granted=True))
    assert state_after(*before, decided(1, granted=True)).phase == "dismissed"


def rehired(*, suspended: bool) -> Rehired:
    return Rehired(
        employee=EMPLOYEE,
        reason="a second chance",
        profile=WITH_SESSIONS,
        probation=True,
        suspended=suspended,
        tier="probation",
        ceilings=CEILINGS,
    )


def test_a_dismissed_employee_is_hired_again_on_probation_with_its_strikes() -> None:
    by_director = (*struck(1), Dismissed(employee=EMPLOYEE, reason="too slow"))
    given(*by_director).when(replace(REHIRE, at=AT)).then(rehired(suspended=False))
    after = state_after(*by_director, rehired(suspended=False))
    assert (after.phase, after.strikes, after.probation) == ("working", (uuid(1),), True)
    given(*by_director, rehired(suspended=False)).when(by_rules(2)).then(suspended(2, 2))
    given(*by_director).when(replace(REHIRE, reason=" ")).refused(Invalid, "reason is needed")


def test_after_an_end_by_a_strike_there_is_a_wait() -> None:
    given(*struck(3)).when(replace(REHIRE, at=AT + 30 * DAY_US - 1)).refused(
        Refused, "the wait for a rehire is not over"
    )
    back = Reinstated(employee=EMPLOYEE, reason="a second chance", rule="rehire")
    given(*struck(3)).when(REHIRE).then(rehired(suspended=True), back)
    after = state_after(*struck(3), rehired(suspended=True), back)
    assert (after.phase, len(after.strikes), after.holds) == ("working", 3, {})
    given(*struck(3), rehired(suspended=True), back).when(by_rules(4)).then(dismissed(4, 4))


@pytest.mark.parametrize("events", [HIRED, struck(2)], ids=["working", "suspended"])
def test_only_a_dismissed_employee_is_hired_again(events: tuple[Event, ...]) -> None:
    given(*events).when(REHIRE).refused(Refused, "is not dismissed")
    given(*events, Dismissed(employee=EMPLOYEE, reason="x")).when(REINSTATE).refused(Refused, "was dismissed")


@pytest.mark.parametrize("command", [by_rules(1), REHIRE, appeal(1), decision(1, granted=True)])
def test_a_stranger_has_no_record(command: Strike | Rehire | Appeal | DecideAppeal) -> None:
    given().when(command).refused(NotFound, f"No employee has the id {EMPLOYEE}")


def test_strikes_are_named_by_incident() -> None:
    holds = state_after(*struck(2), BLACKLISTED).holds
    assert set(holds) == {str(UUID(int=2)), "blacklist"}
