"""Properties at the judge: right code passes with fresh inputs. Code that only knows the visible cases fails."""

from pathlib import Path

import pytest

from tests.sandboxes import sandbox
from verification.judge import Candidate, judge
from verification.requirements.parser import read_requirement
from verification.sandbox.bubblewrap import Bubblewrap
from verification.verdict.model import Verdict

__all__ = ["sandbox"]

pytestmark = pytest.mark.needs_sandbox
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "run-lengths" / "run-lengths.md"
RIGHT = """
from itertools import groupby

def pack(text):
    return [[letter, len(list(run))] for letter, run in groupby(text)]

def unpack(runs):
    return "".join(letter * count for letter, count in runs)

def tidy(text):
    return " ".join(word for word in text.split(" ") if word)

def rank(runs):
    return sorted(runs, key=lambda run: run[1])
"""


async def verdict(source: str, sandbox: Bubblewrap, seed: int = 7) -> Verdict:
    tree = {"runs.py": source.encode()}
    return await judge(
        Candidate(requirement=read_requirement(EXAMPLE), tree=tree, whole=False),
        sandbox=sandbox,
        seed=seed,
        allow_degraded=True,
    )


async def test_a_right_solution_is_verified(sandbox: Bubblewrap) -> None:
    found = await verdict(RIGHT, sandbox)
    assert found.verified, found.findings
    (gate,) = [each for each in found.gates if each.gate == "properties"]
    assert (gate.result, gate.grade) == ("passed", "C")
    assert gate.evidence["seed"] == 7
    told = [(one["criterion"], one["property"], one["tries"], one["failures"]) for one in gate.evidence["properties"]]
    assert [each[:2] for each in told] == [
        ("A1", "round_trip"),
        ("A1", "holds"),
        ("A2", "idempotent"),
        ("A3", "sorted"),
        ("A3", "matches_reference"),
    ]
    assert all(tries >= 20 and not failures for _, _, tries, failures in told)


WRONG = {
    "long runs are cut": ("A1", "[letter, len(list(run))]", "[letter, min(len(list(run)), 30)]", "round_trip"),
    "two spaces are one": (
        "A2",
        '" ".join(word for word in text.split(" ") if word)',
        'text.replace("  ", " ").strip()',
        "idempotent",
    ),
    "equal runs are one": (
        "A3",
        "sorted(runs,",
        "sorted([r for i, r in enumerate(runs) if r not in runs[:i]],",
        "sorted",
    ),
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow, pytest.mark.ci] if at else []) for at, name in enumerate(WRONG)],
)
async def test_one_that_passes_the_visible_cases_and_lacks_the_property_is_not(sandbox: Bubblewrap, name: str) -> None:
    criterion, old, new, kind = WRONG[name]
    assert old in RIGHT
    found = await verdict(RIGHT.replace(old, new), sandbox)
    assert not found.verified
    assert [each.id for each in found.criteria if not each.passed] == [criterion]
    visible = [each for each in found.findings if each.kind == "property_failed"]
    assert [each.criterion for each in visible] == [criterion]
    assert kind in visible[0].for_author
    assert "returned" in visible[0].for_author


async def test_a_sealed_property_names_its_criterion_only(sandbox: Bubblewrap) -> None:
    """Runs of four pass every visible case and the round trip; the sealed case and property see through them."""
    runs = """[[letter, min(count - done, 4)] for letter, run in groupby(text)
            for count in [len(list(run))] for done in range(0, count, 4)]"""
    found = await verdict(RIGHT.replace("[[letter, len(list(run))] for letter, run in groupby(text)]", runs), sandbox)
    assert [each.kind for each in found.findings] == ["sealed_failed", "sealed_failed"]
    assert {each.for_author for each in found.findings} == {"criterion A1 failed on cases you cannot see"}
    (told,) = [each.detail for each in found.findings if "holds" in each.detail]
    assert "runs_are_whole" in told


@pytest.mark.slow
@pytest.mark.ci
async def test_the_seed_decides_the_inputs_and_the_verdict(sandbox: Bubblewrap) -> None:
    """Recorded with the verdict, so that one can be had again: the same counterexample, gate by gate."""
    name = WRONG["long runs are cut"]
    source = RIGHT.replace(name[1], name[2])
    one, same = [await verdict(source, sandbox, seed=11) for _ in range(2)]
    assert one.findings == same.findings
    assert [(each.gate, each.result, each.evidence) for each in one.gates] == [
        (each.gate, each.result, each.evidence) for each in same.gates
    ]
    assert not one.verified
