"""HR's rows and reactions: the record of strikes and appeals, the blacklist, and the ends of suspensions."""

from itertools import accumulate
from uuid import UUID

import pytest
from msgspec.structs import replace

from agents.hr import HR
from agents.hr_terms import Terms, due
from bus.projection import Cause
from bus.projection_rows import Rows
from director.cli.hr_text import record_line, standing, strikes
from domain import employee, incident, organisation
from domain.employee import version_of
from domain.ladder import DAY_US
from domain.message import Command, Event
from projections.hr import BlacklistRow, HRProjection, Person, StrikeRow
from projections.manager import EmployeeRow, ManagerProjection
from tests.unit.given import decide
from tests.unit.samples import AT, EMPLOYEE, INCIDENT, OTHER_EMPLOYEE, WITH_SESSIONS, happened, uuid
from tests.unit.test_discipline import REHIRE, RULES, VERSION_OF_RULES, appealed, decision, struck
from tests.unit.test_leaving import after
from tests.unit.test_projections import recorded

HIRED = happened("employee.hired")
CAUSE = UUID(int=77)
VERSION = version_of(WITH_SESSIONS)
LISTED = organisation.VersionBlacklisted(employee_version=VERSION, reason="it forges verdicts")
CLEARED = organisation.VersionCleared(employee_version=VERSION, reason="it was the harness")


def person(rows: Rows) -> Person:
    row = rows.get(Person, EMPLOYEE, "employee")
    assert row is not None
    return row


def record(rows: Rows) -> list[StrikeRow]:
    return sorted(rows.of(StrikeRow, EMPLOYEE), key=lambda line: line.at)


def granted(n: int, *before: Event) -> tuple[Event, ...]:
    """Return the events with a granted appeal of the strike of incident n."""
    events = (*before, appealed(n))
    return (*events, *decide(decision(n, granted=True), *events))


def reactions(*events: Event, hr: HR | None = None) -> list[Command]:
    """Return HR's reaction to the last of these events."""
    rows = after(HRProjection(), *events)
    return list((hr or HR(RULES)).react(recorded(len(events), events[-1]), rows, Cause(CAUSE, AT)))


def test_the_record_has_step_incident_rule_and_end_of_each_strike() -> None:
    lines = record(after(HRProjection(), *struck(3)))
    assert [(line.kind, line.step, line.incident) for line in lines] == [
        ("warned", 1, uuid(1)),
        ("suspended", 2, uuid(2)),
        ("dismissed", 3, uuid(3)),
    ]
    assert [line.until for line in lines] == [None, AT + 7 * DAY_US, None]
    assert {line.rules_version for line in lines} == {VERSION_OF_RULES}
    assert [line.rule for line in lines] == ["strike 1", "strike 2", "strike 3"]
    told = record_line({"name": "ada"} | {name: getattr(lines[1], name) for name in StrikeRow.__struct_fields__})
    for part in ("ada suspended: wrote x.py", "strike 2", "until 2027-01-22", "incident 00000000", VERSION_OF_RULES):
        assert part in told


def test_a_person_shows_its_standing() -> None:
    rows = [person(after(HRProjection(), *struck(count))) for count in range(4)]
    assert [(row.phase, row.strikes, row.until) for row in rows] == [
        ("working", 0, None),
        ("working", 1, None),
        ("suspended", 2, AT + 7 * DAY_US),
        ("dismissed", 3, None),
    ]
    assert rows[3].rehire_from == AT + 30 * DAY_US
    again = person(after(HRProjection(), *struck(3), *decide(REHIRE, *struck(3))))
    assert (again.phase, again.strikes, again.probation, again.dismissed_at, again.rehire_from) == (
        *("working", 3, True, None),
        None,
    )
    shown = [standing({name: getattr(row, name) for name in Person.__struct_fields__}) for row in (*rows, again)]
    assert shown == [
        "working, on probation",
        "working, on probation",
        "suspended until 2027-01-22 08:00:00, on probation",
        "dismissed, no rehire before 2027-02-14 08:00:00, on probation",
        "working, on probation",
    ]


def test_a_reversal_is_shown_wherever_the_record_is() -> None:
    rows = after(HRProjection(), *granted(2, *struck(2)))
    row = person(rows)
    assert (row.phase, row.strikes, row.reversed, row.appeals) == ("working", 1, 1, 0)
    assert strikes({"strikes": row.strikes, "reversed": row.reversed}) == "1 (1 reversed)"
    assert [(line.kind, line.reversed) for line in record(rows)] == [
        ("warned", False),
        ("suspended", True),
        ("appealed", False),
        ("appeal_granted", False),
        ("reinstated", False),
    ]
    denied = after(
        HRProjection(), *struck(2), appealed(2), *decide(decision(2, granted=False), *struck(2), appealed(2))
    )
    assert (person(denied).strikes, person(denied).reversed, record(denied)[-1].kind) == (2, 0, "appeal_denied")
    assert not any(line.reversed for line in record(denied))
    assert person(after(HRProjection(), *struck(2), appealed(2))).appeals == 1


def test_rows_are_the_same_at_every_cut() -> None:
    """A row holds all that later events need: rows that go on from stored ones equal rows of the whole log."""
    events = (*granted(3, *struck(3)), LISTED, CLEARED)
    for cut in range(len(events)):
        rows = after(HRProjection(), *events[:cut])
        for seq, event in enumerate(events[cut:], start=cut + 1):
            HRProjection().apply(recorded(seq, event), rows)
        assert rows.snapshot() == after(HRProjection(), *events).snapshot()


def test_a_strike_carries_the_rules_and_keeps_its_id() -> None:
    (raised,) = happened("incident.raised")
    (command,) = reactions(*HIRED, raised)
    (former,) = reactions(*HIRED, raised, hr=HR())
    assert isinstance(command, employee.Strike)
    assert command == replace(former, rules=RULES), "the same command id as of an earlier release"
    assert (command.employee, command.incident) == (EMPLOYEE, INCIDENT)
    assert isinstance(raised, incident.Raised)
    assert reactions(*HIRED, replace(raised, strike=False)) == []
    assert reactions(*HIRED, replace(raised, employee=None)) == []


def test_a_blacklisted_version_is_suspended_now_and_later() -> None:
    other = employee.Hired(employee=OTHER_EMPLOYEE, profile=replace(WITH_SESSIONS, style="grammar"))
    changed = replace(other, profile=WITH_SESSIONS)
    (now,) = reactions(*HIRED, other, LISTED)
    (later,) = reactions(LISTED, *HIRED)
    (after_change,) = reactions(LISTED, other, changed)
    for command, who in ((now, EMPLOYEE), (later, EMPLOYEE), (after_change, OTHER_EMPLOYEE)):
        assert isinstance(command, employee.SuspendVersion)
        assert (command.employee, command.employee_version) == (who, VERSION)
        assert command.reason == "Its version is blacklisted: it forges verdicts"
    suspended = happened("employee.suspended")
    assert reactions(LISTED, *HIRED, *suspended, *happened("employee.reinstated")) != []
    assert reactions(LISTED, *struck(3), employee.Rehired(employee=EMPLOYEE, reason="x", profile=WITH_SESSIONS)) != []


def test_control_nobody_else_is_suspended() -> None:
    other = employee.Hired(employee=OTHER_EMPLOYEE, profile=replace(WITH_SESSIONS, style="grammar"))
    assert reactions(other, LISTED) == []
    assert reactions(LISTED, other) == []
    assert reactions(LISTED, CLEARED, *HIRED) == []
    assert reactions(*struck(3), LISTED) == [], "it is dismissed"
    assert reactions(*HIRED, LISTED, CLEARED) == []


def test_the_blacklist_is_rows() -> None:
    rows = after(HRProjection(), LISTED)
    assert [(row.scope, row.reason, row.at) for row in rows.all(BlacklistRow)] == [
        (VERSION, "it forges verdicts", AT + 1)
    ]
    assert after(HRProjection(), LISTED, CLEARED).all(BlacklistRow) == []


def test_a_due_term_is_one_command_with_one_id() -> None:
    rows, end = after(HRProjection(), *struck(2)), AT + 7 * DAY_US
    assert due(rows, end - 1) == []
    (command,) = due(rows, end)
    (later,) = due(rows, end + DAY_US)
    assert (command.id, command.at, later.id) == (later.id, end, command.id)
    assert due(None, end) == []
    asked = employee.Suspended(employee=EMPLOYEE, incident=None, reason="asked")
    assert due(after(HRProjection(), *struck(2), asked), end) == [], "one cause has no end"
    (reinstated,) = decide(command, *struck(2))
    assert due(after(HRProjection(), *struck(2), reinstated), end) == []
    assert due(after(HRProjection(), *struck(2), replace(asked, until=end + 1)), end + 1)[0].id != command.id


@pytest.mark.parametrize(("clock", "wait_s"), [(7 * DAY_US - 3_000_000, 3.0), (0, 60.0), (7 * DAY_US, 60.0)])
def test_the_duty_waits_for_the_next_end(clock: int, wait_s: float) -> None:
    async def send(_command: Command) -> object:
        raise AssertionError("nothing is sent here")

    terms = Terms(send, clock=lambda: AT + clock)
    assert terms._wait_s() is None, "before the first rows"  # the wait has no other sign
    terms.note(after(HRProjection(), *struck(1)), live=True)
    assert terms._wait_s() is None, "nobody is suspended"
    terms.note(after(HRProjection(), *struck(2)), live=True)
    assert terms._wait_s() == wait_s
    terms.note(after(HRProjection(), *struck(2)), live=False)
    assert terms._wait_s() is None, "rows of the past"


def test_the_manager_knows_who_is_hired_again() -> None:
    def row(*events: Event) -> EmployeeRow | None:
        return after(ManagerProjection(), *events).get(EmployeeRow, EMPLOYEE, "employee")

    assert row(*struck(3)) is None
    steps = list(accumulate(decide(REHIRE, *struck(3)), lambda events, event: (*events, event), initial=struck(3)))
    rows = [row(*events) for events in steps]
    assert [None if each is None else each.suspended for each in rows] == [None, True, False]
    by_appeal = row(*granted(1, *struck(3)))
    assert by_appeal is not None
    assert by_appeal.suspended, "the suspension of the second strike goes on"
    assert by_appeal.profile == WITH_SESSIONS
