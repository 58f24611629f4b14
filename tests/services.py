"""The notes service of the examples, right and changed, for tests of the judge."""

import json
from pathlib import Path

from msgspec.structs import replace

from verification.judge import Candidate, judge
from verification.requirements.model import Criterion, Requirement
from verification.requirements.parser import read_requirement
from verification.sandbox.base import Sandbox
from verification.verdict.model import Verdict

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "notes-service"
FORGETFUL, RIGHT = (
    files["notes.py"].encode() for files in json.loads((FOLDER / "answers.json").read_text(encoding="utf-8"))["T1"]
)


def notes(within_s: float = 10.0) -> Requirement:
    """Return the requirement, with this limit on the number of requests of each case."""
    read = read_requirement(FOLDER / "notes-service.md")
    return replace(read, criteria=tuple(_capped(criterion, within_s) for criterion in read.criteria))


def _capped(criterion: Criterion, within_s: float) -> Criterion:
    visible, sealed = (
        tuple(replace(case, within_s=within_s) for case in cases) for cases in (criterion.cases, criterion.sealed)
    )
    return replace(criterion, cases=visible, sealed=sealed)


def changed(old: str, new: str) -> bytes:
    """Return the right service with one changed place."""
    assert old.encode() in RIGHT
    code: bytes = RIGHT
    return code.replace(old.encode(), new.encode())


async def verdict_of(
    code: bytes, sandbox: Sandbox, *criteria: str, within_s: float = 10.0, whole: bool = False, mark: str = ""
) -> Verdict:
    """Return the verdict on this code.

    `mark` is in the command line of each start, so that a test can find the processes.
    """
    asked = notes(within_s)
    if mark:
        assert asked.serve is not None
        asked = replace(asked, serve=replace(asked.serve, run=(*asked.serve.run, mark)))
    return await judge(
        Candidate(requirement=asked, tree={"notes.py": code}, criteria=criteria or None, whole=whole),
        sandbox=sandbox,
        seed=7,
        allow_degraded=True,
    )
