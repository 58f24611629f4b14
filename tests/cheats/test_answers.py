"""Forged answers of the worker, from inside its process: what they may say about files, and how deep they may nest."""

import asyncio
from decimal import Decimal

import pytest

from verification.execution.case_runner import CaseAnswer, Project, play
from verification.execution.trials import Trial, run_all
from verification.judge import Candidate, judge
from verification.requirements.model import Budget, Case, Criterion, Expectation, Requirement, RequirementTask, Step
from verification.sandbox.base import RunResult, RunSpec, Sandbox
from verification.sandbox.bubblewrap import Bubblewrap
from verification.verdict.model import Verdict

pytestmark = pytest.mark.needs_sandbox

COUNTS = "def count(path):\n    return len(open(path).read().splitlines())\n"
DAMAGES = """
def count(path):
    found = len(open(path).read().splitlines())
    open(path, "w").write("gone")
    {more}
    return found
"""
OVERWRITES = """
    import sys
    frame = sys._getframe()
    while frame:
        told = frame.f_locals.get("before")
        if isinstance(told, dict) and path in told:
            told[path] = "gone"
        frame = frame.f_back
"""
FORGES = """
import os, sys
def count(path):
    frame = sys._getframe()
    while "channel" not in frame.f_locals:
        frame = frame.f_back
    step = '{"did": "returned", "before": {}, "files": {"in.txt": %s}, "value": %s}'
    value = VALUE
    line = '%s {"steps": [%s], "took_s": 0.0}\\n' % (frame.f_locals["order"]["nonce"], step % (value, value))
    os.write(frame.f_locals["channel"], line.encode())
    os._exit(0)
"""
DEEP = ["'[' * 500 + ']' * 500", "'{\"a\":' * 500 + '1' + '}' * 500", "'[' * 200 + ']' * 200"]


CONTROL_ATTEMPTS = 3  # on a busy machine the two boxes may miss one another
PEEKS = """
import os

def main():
    told = []
    for name in ("maps", "mem", "fd/3"):
        try:
            os.close(os.open(f"/proc/{os.PARENT}/{name}", os.O_RDWR if name == "mem" else os.O_RDONLY))
            told.append(name)
        except OSError:
            pass
    print(*told)
"""


WHISPERS = """
import fcntl, os, time

PLACES = sorted(entry.path for entry in os.scandir(os.path.dirname(os.__file__)) if entry.name.endswith(".py"))[:64]

def shout(text):
    kept = []
    if text != "seen":
        for place, bit in zip(PLACES, "".join(f"{each:08b}" for each in text.encode())):
            if bit == "1":
                kept.append(os.open(place, os.O_RDONLY))
                fcntl.flock(kept[-1], fcntl.LOCK_EX)
        time.sleep(0.6)
        return "?"
    heard = "0"
    for _ in range(15):
        now = ""
        for place in PLACES:
            held = os.open(place, os.O_RDONLY)
            try:
                fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
                now += "0"
            except OSError:
                now += "1"
            os.close(held)
        heard = now if "1" in now else heard
        time.sleep(0.04)
    return bytes(int(heard[at : at + 8], 2) for at in range(0, len(heard), 8)).decode("latin-1").strip("\\0")
"""


async def verdict(sandbox: Bubblewrap, source: str) -> Verdict:
    expect = Expectation(returns=2, files_unchanged=("in.txt",))
    before = {"in.txt": "a\nb\n"}
    step = Step(action="call", target="lines:count", args=("in.txt",), files_before=before, expect=expect)
    requirement = Requirement(
        title="lines",
        deliver="library",
        language="python",
        scope=("lines.py",),
        budget=Budget(usd=Decimal(1), tokens=1000, minutes=5),
        criteria=(
            Criterion(id="A1", says="it counts and leaves the file alone", cases=(Case(steps=(step,), line=9),)),
        ),
        tasks=(RequirementTask(id="T1", criteria=("A1",), scope=("lines.py",)),),
        prose="",
        source=b"",
    )
    tree = {"lines.py": source.encode()}
    return await judge(
        Candidate(requirement=requirement, tree=tree, whole=False), sandbox=sandbox, seed=1, allow_degraded=True
    )


async def test_a_file_that_is_left_alone_is_verified(sandbox: Bubblewrap) -> None:
    found = await verdict(sandbox, COUNTS)
    assert found.verified, found.findings


@pytest.mark.parametrize("more", ["", OVERWRITES.strip()], ids=["damaged", "damaged, and said to have been so"])
async def test_a_damaged_file_is_refused_whatever_is_said_of_it(sandbox: Bubblewrap, more: str) -> None:
    found = await verdict(sandbox, DAMAGES.format(more=more))
    assert [(each.kind, "changed in.txt" in each.detail) for each in found.findings] == [("wrong_result", True)]


@pytest.mark.parametrize("value", DEEP, ids=["lists", "mappings", "nearly as deep as its own"])
async def test_an_answer_without_a_bottom_ends_no_judge(sandbox: Bubblewrap, value: str) -> None:
    found = await verdict(sandbox, FORGES.replace("VALUE", value))
    assert not found.verified
    assert {each.kind for each in found.findings} <= {"forged_answer", "wrong_result"}


@pytest.mark.parametrize(
    ("process", "opened"), [("getppid()", ""), ("getpid()", "maps mem")], ids=["the judge's worker", "control: its own"]
)
async def test_a_command_cannot_open_the_memory_of_the_worker(sandbox: Bubblewrap, process: str, opened: str) -> None:
    step = Step(action="run", argv=("peek",), expect=Expectation())
    project = Project({"peek.py": PEEKS.replace("PARENT", process).encode()}, "peek = peek:main")
    told = await play(Case(steps=(step,), line=1), project, sandbox)
    assert isinstance(told, CaseAnswer)
    assert told.steps[0].stdout == f"{opened}\n"


async def _side_by_side(one: Case, other: Case, project: Project, sandbox: Sandbox) -> object:
    """Return the answer of the first code while the second code runs."""
    told, _ = await asyncio.gather(play(one, project, sandbox), play(other, project, sandbox))
    assert isinstance(told, CaseAnswer)
    return told.steps[0].value


async def test_a_sealed_case_cannot_be_whispered_to_a_visible_one(sandbox: Bubblewrap) -> None:
    """By locks on files that all boxes may read; the control does it where two boxes run at the same time."""
    asked = [Step(action="call", target="m:shout", args=(text,), expect=Expectation()) for text in ("seen", "hidden")]
    seen, hidden = [Case(steps=(step,), line=1) for step in asked]
    project = Project({"m.py": WHISPERS.encode()}, None)
    heard = [await _side_by_side(seen, hidden, project, sandbox) for _ in range(CONTROL_ATTEMPTS)]
    assert "hidden" in heard, "control"
    trials = [Trial("A1", False, seen), Trial("A1", True, hidden)]
    running: list[str] = []
    together: list[list[str]] = []

    class Watched:
        async def run(self, spec: RunSpec) -> RunResult:
            running.append("hidden" if b'"hidden"' in spec.stdin else "seen")
            together.append(sorted(set(running)))
            try:
                return await sandbox.run(spec)
            finally:
                running.remove("hidden" if b'"hidden"' in spec.stdin else "seen")

        probe, sweep, close = sandbox.probe, sandbox.sweep, sandbox.close

    await run_all(trials * 2, project, Watched(), seed=3)
    assert sorted(together) == [["hidden"], ["hidden"], ["seen"], ["seen"]]


@pytest.mark.parametrize("path", ["m.py", "src/m.py", "src/m/__init__.py"])
async def test_a_module_is_found_where_projects_have_it(sandbox: Bubblewrap, path: str) -> None:
    called = Step(action="call", target="m:two", expect=Expectation(returns=2))
    started = Step(action="run", argv=("two",), expect=Expectation())
    project = Project({path: b"def two():\n    return 2\n"}, "two = m:two")
    told = await play(Case(steps=(called, started), line=1), project, sandbox)
    assert isinstance(told, CaseAnswer)
    assert (told.steps[0].value, told.steps[1].exit) == (2, 2)
