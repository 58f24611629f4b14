"""`aura rerun --task T --employee E`: another employee gets the question of an earlier task."""

import pytest

from tests.acceptance.cli import Aura, homely
from tests.integration.house import Sample

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.slow]


def chained(sample: Sample) -> None:
    """Let the second task build on the first one: its module may import the first task's module."""
    sample.source = sample.source.replace(b'scope: ["adder_t2.py"], after: []', b'scope: ["adder_t2.py"], after: [T1]')


def test_another_employee_gets_the_same_question_and_its_work_is_judged_and_not_delivered() -> None:
    sample = Sample(2)
    chained(sample)
    more = sample.numbers["T2"] - sample.numbers["T1"]
    second = f"import adder_t1\n\n\ndef add(n):\n    return adder_t1.add(n) + {more}\n"
    with homely("up", "--no-model") as aura:
        aura.hire("anna", {task: [sample.right(task)] for task in ("T1", "T2")})
        file = aura.requirement(sample)
        run = aura.json("submit", file, "--wait")["run"]
        aura.hire("bert", {"T2": [{"adder_t2.py": second}]})
        aura.hire("carl", {"T2": [sample.wrong("T2")]})

        done = aura.json("rerun", run, "--task", "T2", "--employee", "bert")
        assert (done["verified"], done["employee"], done["task"]) == (True, "bert", "T2")
        assert done["before"]["employees"] == ["anna"]
        shadow = done["shadow"]["run"]
        shown = aura.json("run", "show", shadow)
        assert (shown["run"]["outcome"], shown["run"]["shadow_of"]) == ("shadow", run)
        assert shown["run"]["commit_id"] is None, "nothing is delivered"
        assert [(part["name"], part["attempts"]) for part in shown["tasks"]] == [("T1", 0), ("T2", 1)]

        told = [aura.json("run", "show", each, "--attempt", "1", "--task", "T2") for each in (run, shadow)]
        first, again = (each["orders"][0]["reserved_tokens"] for each in told)
        assert first == again > 0, "the prompt has the same size, measured before the call"

        failed = aura.answer("rerun", run, "--task", "T2", "--employee", "carl", code=1)
        assert failed["error"]["code"] == "not_verified"
        assert failed["data"]["shadow"]["findings"]
        assert failed["data"]["before"]["verified"]

        scores = aura.json("scores")
        assert {line["name"] for line in scores["scores"]} == {"anna"}, "no score includes a shadow run"
        assert {(line["name"], line["verified"], line["rejected"]) for line in scores["shadow"]} == {
            ("bert", 1, 0),
            ("carl", 0, 1),
        }
        assert "Shadow runs, which no score above includes" in aura.text("scores")
        assert [line["run"] for line in aura.json("inbox")["waiting"]] == [run], "only the first run waits for approval"
        refused(aura, run)


def refused(aura: Aura, run: str) -> None:
    """Check each refusal. The runs of the test above are the control."""
    assert aura.json("rerun", run, "--task", "T9", "--employee", "bert", code=3)["message"].endswith("no task T9.")
    assert aura.json("rerun", run, "--task", "T2", "--employee", "zoe", code=3)["code"] == "not_found"
    assert aura.json("rerun", run, "--task", "T2", code=2)["code"] == "invalid"
    assert aura.json("rerun", run, code=2)["code"] == "invalid"
    assert aura.json("rerun", run, "--task", "T2", "--employee", "bert", "--usd-max", "0", code=2)["code"] == "invalid"
    over = aura.json("rerun", run, "--task", "T2", "--employee", "bert", "--usd-max", "9999999", code=7)
    assert over["code"] == "organisation_budget"
    assert aura.json("runs")["runs"][0]["outcome"] == "cancelled", "the run without budget does not stay open"
    aura.json("suspend", "bert", "--reason", "asked")
    assert aura.json("rerun", run, "--task", "T2", "--employee", "bert", code=7)["code"] == "refused"
