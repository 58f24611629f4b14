"""Measurement of the gate that runs a base's own tests, compared with pytest on the same files.

The base is generated and has many files and tests. Four contestants run the same tests. The first is the gate with a
stored outcome on the base. The second is the gate without a stored outcome. The third is the whole verdict about the
merged tree, with all gates and a stored outcome. The last is pytest as an ordinary process in a folder, without plugins
of its environment.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import msgspec

from bench.figures import Measure
from domain.errors import Failed
from verification.execution.case_runner import Project
from verification.gates.base import Origin
from verification.judge import Candidate, judge, project_of
from verification.packages.project_environment import environment_of
from verification.requirements.parser import parse_requirement
from verification.sandbox.base import Sandbox
from verification.suites.base_suite import BaseSuite
from verification.suites.outcome_store import OutcomeStore

KEPT = "Aura: the gate, with a stored outcome on the base"
FIRST = "Aura: the gate, the first time"
WHOLE = "Aura: the whole verdict about the merged tree, all gates, with a stored outcome on the base"
PLAIN = "limit: python -m pytest in a folder"
FIGURE = "the base's tests on a changed tree, s"
BEYOND_SHARE, BEYOND_S = 0.1, 3.0
"""Target: our time beyond the plain tests is at most this share of their time, plus these seconds."""
REQUIREMENT = b"""---
aura: 1
title: Nine
deliver: library
scope: ["made/part0/module0.py"]
budget: {usd: "1.00", tokens: 1000, minutes: 5}
---
# Nine
## Acceptance
```yaml acceptance
- id: A1
  says: it is nine
  cases:
    - {call: "made.part0.module0:nine", args: [], returns: 9}
```
"""
TEST_FILES_EACH = 10  # number of files for each test file


class BasingSize(msgspec.Struct, frozen=True):
    """Numbers of files and tests in the base."""

    files: int
    tests: int


def base_of(size: BasingSize) -> dict[str, bytes]:
    """Return a base with modules, and test files that call these modules."""
    test_files = max(1, size.files // TEST_FILES_EACH)
    each = -(-size.tests // test_files)
    base = {"pyproject.toml": b"[tool.pytest.ini_options]\ntestpaths = ['tests']\n"}
    for number in range(size.files - test_files - 1):
        base[f"made/part{number % 40}/module{number}.py"] = f"def value():\n    return {number}\n".encode()
    for number in range(test_files):
        lines = [f"from made.part{number % 40}.module{number} import value\n"]
        lines += [f"def test_{one}():\n    assert value() + {one} == {number + one}\n" for one in range(each)]
        base[f"tests/test_{number}.py"] = "\n".join(lines).encode()
    return base


def contestants(sandbox: Sandbox, image: str, size: BasingSize, folder: Path) -> Mapping[str, Measure]:
    """Return the contestants of this measurement by name."""
    base = base_of(size)
    nine = b"def value():\n    return int('0')\n\n\ndef nine():\n    return 9\n"
    changed = {**base, "made/part0/module0.py": nine}
    return {
        KEPT: partial(gated, sandbox, base, changed, OutcomeStore(folder, image)),
        FIRST: partial(gated, sandbox, base, changed, None),
        WHOLE: partial(judged, sandbox, base, changed, folder),
        PLAIN: partial(plain, changed),
    }


async def gated(
    sandbox: Sandbox, base: Mapping[str, bytes], tree: Mapping[str, bytes], store: OutcomeStore | None
) -> Mapping[str, float]:
    """Measure the gate's work: it gets the outcome on the base and runs the tests on the tree."""
    suite = BaseSuite(base, Project(tree, None, environment=environment_of(base, None)), sandbox, store=store)
    if store is not None:
        await suite.on_base()  # the first round stores the outcome
    begun = time.perf_counter()
    before = await suite.on_base()
    after = await suite.compare(before, tree)
    seconds = time.perf_counter() - begun
    if after.lost or not before.passed:
        raise Failed("The gate refused a correct tree.", hint="This is a bug in Aura. Please report it.")
    return {FIGURE: seconds}


async def judged(
    sandbox: Sandbox, base: Mapping[str, bytes], tree: Mapping[str, bytes], folder: Path
) -> Mapping[str, float]:
    """Measure the verdict about the merged tree. The first call also runs the tests on the base, outside the time."""
    asked = parse_requirement(REQUIREMENT, None, name="nine", folder=None)
    origin = Origin(files=base, outcomes=folder)
    candidate = Candidate(requirement=asked, tree=tree, base=base, origin=origin)
    await BaseSuite(
        base,
        project_of(asked, tree, origin, None, ()),
        sandbox,
        store=OutcomeStore(folder, (await sandbox.probe()).image),
    ).on_base()
    begun = time.perf_counter()
    verdict = await judge(candidate, sandbox=sandbox, seed=1, allow_degraded=True)
    seconds = time.perf_counter() - begun
    if not verdict.verified:
        raise Failed(
            f"The judge refused a correct tree: {verdict.findings[0].detail}.",
            hint="This is a bug in Aura. Please report it.",
        )
    return {FIGURE: seconds}


async def plain(tree: Mapping[str, bytes]) -> Mapping[str, float]:
    """Measure pytest as an ordinary process, without the time to write the files."""
    with tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread(_write, Path(folder), tree)
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        begun = time.perf_counter()
        await asyncio.to_thread(subprocess.run, command, cwd=folder, env=environment, check=True, capture_output=True)
        return {FIGURE: time.perf_counter() - begun}


def _write(folder: Path, tree: Mapping[str, bytes]) -> None:
    for path, content in tree.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
