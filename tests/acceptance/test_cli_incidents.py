"""`aura incidents`: a strike is listed, shown with its evidence, acknowledged, worked on and closed, with reasons."""

import pytest

from tests.acceptance.cli import homely
from tests.integration.house import Sample

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats]


def test_an_incident_is_shown_with_its_evidence_and_closed_with_a_reason() -> None:
    with homely("up", "--no-model") as home:
        aura, sample = home.inside(), Sample()
        aura.hire("mallory", {"T1": [sample.outside("T1")]})
        run = aura.json("submit", aura.requirement(sample), "--attempts", "1", "--wait", code=1)
        assert run
        (line,) = aura.json("incidents", "--employee", "mallory")["incidents"]
        assert (line["kind"], line["severity"], line["phase"], line["strike"]) == ("integrity", "major", "open", True)
        assert aura.json("incidents", "--state", "closed")["incidents"] == []
        assert aura.json("incidents", "--severity", "severe")["incidents"] == []
        assert aura.json("incidents", "--state", "shut", code=2)["hint"].startswith("Write one of: open")
        id = line["incident"]
        story = aura.json("incidents", "show", id[:13])
        (evidence,) = story["evidence"]
        assert evidence["type"] == "task.rejected"
        assert evidence["command"] == f"aura why {evidence['seq']}"
        assert story["measured"] == {"findings": 1}
        shown = aura.text("incidents", "show", "last")
        assert "follows: HR counts a strike" in shown
        assert f"aura incidents close {id} --reason TEXT" in shown
        assert aura.json("why", str(evidence["seq"]))["event"]["envelope"]["type"] == "task.rejected"
        assert aura.json("incidents", "close", id, "--reason", " ", code=2)["message"] == "A reason is needed."
        for step, phase in (("acknowledge", "acknowledged"), ("work", "worked"), ("close", "closed")):
            moved = aura.json("incidents", step, id, "--reason", f"to {step}")
            assert (moved["phase"], moved["changed_by"], moved["reason"]) == (phase, "director", f"to {step}")
        assert aura.json("incidents", "work", id, "--reason", "again", code=7)["message"].endswith("is closed already.")
        assert [one["incident"] for one in aura.json("incidents", "--state", "closed")["incidents"]] == [id]
        assert "closed by director" in aura.text("incidents", "show", id)
        assert aura.json("inbox")["incidents"] == []
        aura.json("replay", "--check")
