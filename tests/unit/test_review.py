"""The review of a run: who may review, when a review is valid, and the effect of a review that blocks."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from agents.briefs.review_brief import diff_of
from domain import planning, run, run_messages, task
from domain.errors import Refused
from domain.judgement import REVIEW, GateRecord
from domain.message import Event
from domain.money import NOTHING
from domain.review import PATH, vendor_of
from domain.run import RunState
from domain.tree import Entry
from tests.unit import runs
from tests.unit.samples import AT, CALL, COMMAND, EMPLOYEE, GOOD, PLAN, RUN, SNAPSHOT, happened
from verification.verdict.review import judge_review

REVIEWER = UUID(int=77)
REVIEW_ID = planning.task_id(RUN, REVIEW)
WORK = [planning.task_id(RUN, part.name) for part in PLAN]
HIGH = {"severity": "high", "text": "it deletes the data"}


@pytest.mark.parametrize(
    ("model", "vendor"),
    [
        ("gpt-5-mini", "openai"),
        ("o3", "openai"),
        ("openai/o4-mini", "openai"),
        ("models/gemini-2.5-pro", "google"),
        ("gemma3:4b", "google"),
        ("meta-llama/Llama-3.1-8B-Instruct", "meta"),
        ("qwen2.5-coder:7b", "alibaba"),
        ("claude-sonnet-5", "claude"),
        ("SmolLM2-135M-Instruct", "smollm"),
        ("script anna.answers", "anna"),
        ("/home/x/anna.answers.json", "anna"),
        ("7b", "7b"),
    ],
)
def test_the_maker_of_a_model(model: str, vendor: str) -> None:
    assert vendor_of(model) == vendor


def reviewed(*, gates: Sequence[GateRecord] = ()) -> RunState:
    """Return a run whose work is verified. With gates, its review is verified, too."""
    state = run.initial
    submit = replace(runs.SUBMIT, plan=(*PLAN, run_messages.TaskPlan(name=REVIEW, criteria=(), scope=(PATH,))))
    events: list[Event] = [*run.decide(submit, state), *happened("run.admitted")]
    for event in events:
        state = run.evolve(state, event)
    for event in run.decide(run_messages.Plan(id=COMMAND, at=AT, run=RUN), state):
        state = run.evolve(state, event)
    for id in [*WORK, *([REVIEW_ID] if gates else [])]:
        who = REVIEWER if id == REVIEW_ID else EMPLOYEE
        ids: dict[str, Any] = {"run": RUN, "task": id, "employee": who, "order": UUID(int=9)}
        path = PATH if id == REVIEW_ID else f"{id}.py"
        for step in (
            task.Assigned(**ids, attempt=1, seed=1, reservation=CALL, due_at=AT + 1),
            task.CallStarted(**ids),
            task.CallFinished(**ids, snapshot=SNAPSHOT, charged=NOTHING),
            task.Submitted(**ids, files={path: Entry(kind="file", digest="f" * 64)}, tree=GOOD.tree),
            task.Verified(**ids, judgement=replace(GOOD, gates=tuple(gates) if id == REVIEW_ID else ())),
        ):
            state = run.evolve(state, step)
    return state


def said(result: str) -> tuple[GateRecord, ...]:
    return (GateRecord(gate=REVIEW, grade="A", result=result, seconds=0.0, text=HIGH["text"]),)


def assign(who: UUID) -> task.Assign:
    ids: dict[str, Any] = {"run": RUN, "task": REVIEW_ID, "employee": who, "order": UUID(int=10)}
    return task.Assign(id=COMMAND, at=AT, **ids, attempt=1, seed=1, reservation=CALL, due_at=AT + 1)


def test_an_author_may_not_review() -> None:
    state = replace(reviewed(), due_at=AT + 10)
    with pytest.raises(Refused, match="its own work"):
        run.decide(assign(EMPLOYEE), state)
    (event,) = run.decide(assign(REVIEWER), state)
    assert event.type == "task.assigned"


def test_what_the_reviewer_blocks_is_not_merged_and_what_it_passes_is() -> None:
    merge = run_messages.Merge(id=COMMAND, at=AT, run=RUN, tree="a" * 64)
    with pytest.raises(Refused, match=HIGH["text"]):
        run.decide(merge, reviewed(gates=said("failed")))
    (merged,) = run.decide(merge, reviewed(gates=said("passed")))
    assert isinstance(merged, run_messages.Merged)
    assert PATH not in merged.files
    assert len(merged.files) == len(WORK)


def test_work_waits_for_its_review() -> None:
    with pytest.raises(Refused, match="Tasks review are not verified"):
        run.decide(run_messages.Merge(id=COMMAND, at=AT, run=RUN, tree="a" * 64), reviewed())


@pytest.mark.parametrize(
    ("content", "verified", "result"),
    [
        ({"verdict": "pass"}, True, "passed"),
        ({"verdict": "pass", "findings": [{"text": "a typo"}]}, True, "passed"),
        ({"verdict": "block", "findings": [HIGH, {"text": "and this", "path": "a.py", "line": 3}]}, True, "failed"),
        ({"verdict": "block"}, False, "noted"),
        ({"verdict": "block", "findings": [{"text": "a typo"}]}, False, "noted"),
        ({"verdict": "block", "findings": [{**HIGH, "path": "other.py"}]}, False, "noted"),
        ({"verdict": "verified"}, False, "noted"),
        ({"verdict": "pass", "verified": True}, False, "noted"),
        ("[" * 100_000, False, "noted"),
        ("[" * 60_000, False, "noted"),
        ("looks good", False, "noted"),
        ("", False, "noted"),
    ],
)
def test_a_review_is_sound_or_it_is_none(content: Any, verified: bool, result: str) -> None:
    told = content if isinstance(content, str) else json.dumps(content)
    verdict = judge_review({PATH: told.encode()}, seed=1, reviewer="google", authors={"openai"}, changed={"a.py"})
    (gate,) = verdict.gates
    assert (verdict.verified, gate.gate, gate.grade, gate.result) == (verified, REVIEW, "A", result)
    assert bool(verdict.findings) is not verified
    assert not any(finding.integrity for finding in verdict.findings)


def test_a_reviewer_of_the_author_s_maker_is_none() -> None:
    tree = {PATH: b'{"verdict": "pass"}'}
    for authors, verified in (({"openai", "google"}, False), ({"openai"}, True)):
        assert judge_review(tree, seed=1, reviewer="google", authors=authors, changed=()).verified is verified


def test_the_reviewer_is_told_of_what_cannot_be_shown() -> None:
    """A long file, or one that is no text, would otherwise be reviewed by nobody and missed by nobody."""
    before, after = {"a.py": "x = 1\n"}, {"a.py": "x = 2\n"}
    told = diff_of(before, after, {"data.bin", "big.py"})
    assert "-x = 1\n+x = 2" in told
    assert told.endswith("because they are long or no text: big.py, data.bin")
    assert "not shown" not in diff_of(before, after)
