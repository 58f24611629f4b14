"""Incidents and refusals: an incident is raised once. A refusal guards no scope and is only observed."""

import pytest

from domain import incident
from domain.incident import Raise, Raised
from domain.message import Erased
from domain.organisation import Pause
from tests.unit.given import fold, given
from tests.unit.samples import AT, COMMAND, EMPLOYEE, FIRST, INCIDENT, PRINCIPAL, RUN, happened

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
)


def test_it_is_raised_once() -> None:
    raised = happened("incident.raised")
    given().when(COMMAND_FULL).then(*raised)
    given(*raised).when(COMMAND_FULL).then()


def test_it_needs_no_run() -> None:
    command = Raise(id=COMMAND, at=AT, incident=INCIDENT, kind="parked_event", detail="event 7")
    given().when(command).then(Raised(incident=INCIDENT, kind="parked_event", detail="event 7"))


def test_a_purged_incident_is_not_raised_again() -> None:
    erased = Erased(type="incident.raised", entity_kind="incident", entity_id=INCIDENT, run=RUN)
    given(erased).when(COMMAND_FULL).then()
    assert fold("incident", erased).raised
    assert not fold("incident").raised


def test_another_entity_s_command_is_a_defect_and_no_refusal() -> None:
    with pytest.raises(TypeError, match="Pause"):
        incident.decide(Pause(id=COMMAND, at=AT, reason="x"), incident.initial)
    assert incident.decide(COMMAND_FULL, incident.initial)


def test_a_refusal_belongs_to_who_was_refused() -> None:
    (refused,) = happened("refusal.refused")
    assert refused.entity() == ("refusal", PRINCIPAL)
