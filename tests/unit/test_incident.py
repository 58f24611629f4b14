"""Incidents: raised once, then acknowledged, worked and closed, each with a reason. A refusal is only observed."""

import pytest
from msgspec.structs import replace

from domain import incident
from domain.errors import AuraError, Invalid, NotFound, Refused
from domain.incident import Acknowledge, Acknowledged, Close, Closed, Lapse, Lapsed, Raise, Raised, Work, Worked
from domain.message import Command, Erased, Event
from domain.organisation import Pause
from tests.unit.given import fold, given
from tests.unit.samples import AT, COMMAND, EMPLOYEE, FIRST, INCIDENT, PRINCIPAL, RUN, happened, uuid

COMMAND_FULL = Raise(
    id=COMMAND,
    at=AT,
    incident=INCIDENT,
    kind="integrity",
    detail="wrote x.py",
    strike=True,
    run=RUN,
    task=FIRST,
    employee=EMPLOYEE,
    evidence=(COMMAND,),
    limits={"findings_max": 0},
    measured={"findings": 1},
    follows="pause_employee",
    employee_version=uuid(102),
)
ACKNOWLEDGE = Acknowledge(id=COMMAND, at=AT, incident=INCIDENT, reason="I look at it")
WORK = Work(id=COMMAND, at=AT, incident=INCIDENT, reason="the prompt was wrong")
CLOSE = Close(id=COMMAND, at=AT, incident=INCIDENT, reason="it works again")
LAPSE = Lapse(id=COMMAND, at=AT, incident=INCIDENT, reason="The employee has another version.")
RAISED = happened("incident.raised")
ACKNOWLEDGED, WORKED, CLOSED = (happened(f"incident.{name}") for name in ("acknowledged", "worked", "closed"))
REGRESSED = (Raised(incident=INCIDENT, kind="regression", detail="worse", run=RUN),)
ERASED = Erased(type="incident.raised", entity_kind="incident", entity_id=INCIDENT, run=RUN)


def test_it_is_raised_once() -> None:
    given().when(COMMAND_FULL).then(*RAISED)
    given(*RAISED).when(COMMAND_FULL).then()


def test_it_needs_no_run_and_has_the_severity_of_its_kind() -> None:
    command = Raise(id=COMMAND, at=AT, incident=INCIDENT, kind="parked_event", detail="event 7")
    parked = Raised(incident=INCIDENT, kind="parked_event", detail="event 7", rule="parked_event", severity="major")
    given().when(command).then(parked)
    given().when(replace(command, severity="minor", rule="mine")).then(replace(parked, severity="minor", rule="mine"))


def test_it_names_only_the_newest_evidence() -> None:
    many = tuple(uuid(number) for number in range(1000, 1000 + incident.EVIDENCE_MAX + 1))
    (event,) = incident.decide(replace(COMMAND_FULL, evidence=many), incident.initial)
    assert isinstance(event, Raised)
    assert event.evidence == many[1:]


def test_every_kind_has_a_severity() -> None:
    assert set(incident.SEVERITIES) == set(incident.Kind.__args__)  # type: ignore[attr-defined]  # a Literal


@pytest.mark.parametrize(
    ("before", "command", "after"),
    [
        (RAISED, ACKNOWLEDGE, ACKNOWLEDGED),
        (RAISED, WORK, WORKED),
        (RAISED, CLOSE, CLOSED),
        (RAISED + ACKNOWLEDGED, WORK, WORKED),
        (RAISED + ACKNOWLEDGED, CLOSE, CLOSED),
        (RAISED + WORKED, CLOSE, CLOSED),
        (RAISED + ACKNOWLEDGED, ACKNOWLEDGE, ()),
        (RAISED + WORKED, WORK, ()),
        (RAISED + CLOSED, CLOSE, ()),
        (REGRESSED, LAPSE, happened("incident.lapsed")),
        (REGRESSED + CLOSED, LAPSE, ()),
        (REGRESSED + happened("incident.lapsed"), CLOSE, ()),
    ],
)
def test_it_moves_on_and_the_same_step_twice_is_one(
    before: tuple[Event, ...], command: Command, after: tuple[Event, ...]
) -> None:
    given(*before).when(command).then(*after)


@pytest.mark.parametrize(
    ("before", "command", "kind", "text"),
    [
        ((), ACKNOWLEDGE, NotFound, "There is no incident"),
        ((), WORK, NotFound, "There is no incident"),
        ((), CLOSE, NotFound, "There is no incident"),
        ((), LAPSE, NotFound, "There is no incident"),
        (RAISED, replace(ACKNOWLEDGE, reason=" "), Invalid, "A reason is needed"),
        (RAISED, replace(CLOSE, reason=""), Invalid, "A reason is needed"),
        (RAISED + WORKED, ACKNOWLEDGE, Refused, "is worked already"),
        (RAISED + CLOSED, ACKNOWLEDGE, Refused, "is closed already"),
        (RAISED + CLOSED, WORK, Refused, "is closed already"),
        (RAISED, LAPSE, Refused, "of the kind integrity does not lapse"),
    ],
)
def test_it_never_goes_back_and_needs_a_reason(
    before: tuple[Event, ...], command: Command, kind: type[AuraError], text: str
) -> None:
    given(*before).when(command).refused(kind, text)


def test_a_purged_incident_is_not_raised_again_and_can_be_closed() -> None:
    given(ERASED).when(COMMAND_FULL).then()
    given(ERASED).when(CLOSE).then(*CLOSED)
    given(ERASED).when(LAPSE).refused(Refused, "does not lapse")
    assert fold("incident", ERASED).raised
    assert not fold("incident").raised


@pytest.mark.parametrize("event", [Acknowledged, Worked, Closed, Lapsed])
def test_a_purged_step_still_counts(event: type[Event]) -> None:
    erased = Erased(type=event.type, entity_kind="incident", entity_id=INCIDENT, run=RUN)
    assert fold("incident", *REGRESSED, erased) == fold("incident", *REGRESSED, *happened(event.type))


def test_another_entity_s_command_is_a_defect_and_no_refusal() -> None:
    with pytest.raises(TypeError, match="Pause"):
        incident.decide(Pause(id=COMMAND, at=AT, reason="x"), incident.initial)
    assert incident.decide(COMMAND_FULL, incident.initial)


def test_a_refusal_belongs_to_who_was_refused() -> None:
    (refused,) = happened("refusal.refused")
    assert refused.entity() == ("refusal", PRINCIPAL)
