"""The Auditor's reaction to a merged verdict: criteria that do not detect mistakes are not a strike."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from agents.auditor.reactor import Auditor
from bus.projection import Cause
from bus.projection_rows import Rows
from domain import incident, run_messages
from domain.judgement import GateRecord
from domain.message import Command, Recorded
from projections.auditor import AuditorProjection
from tests.unit.samples import AT, GOOD, RUN
from tests.unit.test_projections import recorded

SAID = "3 of 6 small mistakes were noticed; not noticed: a.py:2 `a < b` -> `a <= b`"


def raised(gate: GateRecord) -> Sequence[Command]:
    event: Recorded = recorded(7, run_messages.Verified(run=RUN, judgement=replace(GOOD, gates=(*GOOD.gates, gate))))
    return Auditor().react(event, Rows(AuditorProjection().tables), Cause(event.envelope.id, AT))


def test_mistakes_that_no_case_notices_are_an_incident_without_an_employee() -> None:
    (command,) = raised(GateRecord(gate="mutation", grade="C", result="noted", seconds=1.0, text=SAID))
    assert isinstance(command, incident.Raise)
    assert (command.kind, command.detail, command.run) == ("weak_criteria", SAID, RUN)
    assert (command.employee, command.strike) == (None, False)
    assert raised(GateRecord(gate="mutation", grade="C", result="noted", seconds=1.0, text=SAID)) == [command]


@pytest.mark.parametrize(("gate", "result"), [("mutation", "passed"), ("mutation", "not_run"), ("red_first", "noted")])
def test_nothing_else_is(gate: str, result: str) -> None:
    assert raised(GateRecord(gate=gate, grade="C", result=result, seconds=1.0, text=SAID)) == []
