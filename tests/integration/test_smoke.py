"""Smoke: a delivery is installed and started in a fresh environment.

Each failing delivery has a passing counterpart.
"""

from collections.abc import Mapping

import pytest

from agents.delivery.packaging import delivered_tree
from tests.acceptance.test_judge import GREET, SLUGS, example
from tests.sandboxes import sandbox
from tests.services import FOLDER, RIGHT
from tests.unit.asked import asked
from verification.gates.smoke import Smoke
from verification.judge import Candidate, judge
from verification.requirements.model import Requirement
from verification.requirements.parser import parse_requirement, read_requirement
from verification.sandbox.bubblewrap import Bubblewrap
from verification.verdict.model import GateResult, Verdict

__all__ = ["sandbox"]

pytestmark = pytest.mark.needs_sandbox
HATCH = b'[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
PROJECT = b'[project]\nname = "greet"\nversion = "1"\n'
FOUND = b'[tool.hatch.build.targets.wheel]\nonly-include = ["greet.py"]\n'
SCRIPT = b'[project.scripts]\ngreet = "greet:main"\n'
WORDS = """---
aura: 1
title: Words
deliver: library
scope: ["words/**", "lists/**", "count.py"]
budget: {usd: "1.00", tokens: 1000, minutes: 5}
---
# Words

```yaml acceptance
- id: A1
  says: it counts
  cases:
    - {call: "words.counting:count", returns: 2}
    - {call: "count:both", returns: 3}
```
"""
COUNTING = b"""
from pathlib import Path

def count():
    return len(read(Path(__file__).parent / "list.txt"))

"""
TREE = {
    "words/__init__.py": b"",
    "words/counting.py": COUNTING + b"def read(path):\n    return path.read_text().split()\n",
    "words/list.txt": b"a b",
    "count.py": b"from pathlib import Path\nfrom words.counting import count, read\n"
    b"MORE = read(Path(__file__).parent / 'lists' / 'more.txt')\ndef both():\n    return count() + len(MORE)\n",
    "lists/more.txt": b"c",
}


async def smoked(
    requirement: Requirement,
    tree: Mapping[str, bytes],
    box: Bubblewrap,
    *,
    packaged: Mapping[str, bytes] | None = None,
    base: Mapping[str, bytes] | None = None,
) -> tuple[Verdict, GateResult]:
    whole = delivered_tree(requirement, tree) if packaged is None else packaged
    found = await judge(
        Candidate(requirement=requirement, tree=tree, base=base, packaged=whole, mutants_max=0),
        sandbox=box,
        seed=5,
        allow_degraded=True,
    )
    return found, next(gate for gate in found.gates if gate.gate == "smoke")


slow = [pytest.mark.slow, pytest.mark.ci]


@pytest.mark.parametrize(
    ("kind", "started"),
    [
        ("a command", "the command runs a visible case"),
        pytest.param("a library of two modules", "its modules import", marks=slow),
        pytest.param("a service", "the service is ready", marks=slow),
        pytest.param("a package that reads files beside its code", "its modules import", marks=slow),
    ],
)
async def test_honest_deliveries_start(sandbox: Bubblewrap, kind: str, started: str) -> None:
    requirement, tree = honest()[kind]
    found, smoke = await smoked(requirement, tree, sandbox)
    assert found.verified, found.findings
    assert (smoke.result, smoke.text) == ("passed", f"installs, and {started}")
    assert "pip" in smoke.evidence["tools"]


def honest() -> dict[str, tuple[Requirement, Mapping[str, bytes]]]:
    return {
        "a command": (example("greet-cli"), {"greet.py": GREET}),
        "a library of two modules": (example("hello-slug"), SLUGS),
        "a service": (read_requirement(FOLDER / "notes-service.md"), {"notes.py": RIGHT}),
        "a package that reads files beside its code": (
            parse_requirement(WORDS.encode(), None, name="words", folder=None),
            TREE,
        ),
    }


@pytest.mark.parametrize(
    ("pyproject", "said"),
    [
        (b"[project\n", "pip install .` fails"),
        pytest.param(HATCH + PROJECT + b'dependencies = ["nosuch==1"]\n' + SCRIPT + FOUND, "nosuch==1", marks=slow),
        pytest.param(HATCH + PROJECT + b'[project.scripts]\ngreet = "greet:mein"\n' + FOUND, "mein", marks=slow),
    ],
)
async def test_packaging_of_the_author_must_work(pyproject: bytes, said: str, sandbox: Bubblewrap) -> None:
    requirement = requirement_of_greet()
    right = {"greet.py": GREET, "pyproject.toml": HATCH + PROJECT + SCRIPT + FOUND}
    tree = {**right, "pyproject.toml": pyproject}
    found, smoke = await smoked(requirement, tree, sandbox)
    assert [(each.kind, each.integrity) for each in found.findings] == [("smoke_failed", False)]
    assert said in found.findings[0].for_author
    assert smoke.result == "failed"


@pytest.mark.slow
@pytest.mark.ci
async def test_packaging_of_the_author_that_works_is_verified(sandbox: Bubblewrap) -> None:
    right = {"greet.py": GREET, "pyproject.toml": HATCH + PROJECT + SCRIPT + FOUND}
    found, smoke = await smoked(requirement_of_greet(), right, sandbox)
    assert found.verified, found.findings
    assert smoke.result == "passed"


@pytest.mark.slow
async def test_what_the_author_cannot_help_is_noted(sandbox: Bubblewrap) -> None:
    """Packaging of the base that cannot be built here, and a build tool that is not among the verifier's."""
    requirement = requirement_of_greet()
    other = PROJECT + b'[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n'
    for pyproject, base in ((HATCH + PROJECT, True), (other, False), (b"[tool.ruff]\nline-length = 100\n", True)):
        before = {"pyproject.toml": pyproject} if base else {}
        tree = {"greet.py": GREET, "pyproject.toml": pyproject}
        found, smoke = await smoked(requirement, tree, sandbox, base=before)
        assert found.verified, found.findings
        assert smoke.result == "noted"
        assert smoke.evidence["said"]
        assert ("is built with flit-core" in smoke.text) == (pyproject == other)


@pytest.mark.slow
@pytest.mark.ci
async def test_without_packaging_or_after_a_finding_it_is_not_run(sandbox: Bubblewrap) -> None:
    requirement, tree = example("greet-cli"), {"greet.py": GREET}
    found, smoke = await smoked(requirement, tree, sandbox, packaged=tree)
    assert (found.verified, smoke.result) == (True, "not_run")
    _, smoke = await smoked(requirement, {"greet.py": GREET.replace(b"Hello", b"Hallo")}, sandbox)
    assert smoke.result == "not_run"


def requirement_of_greet() -> Requirement:
    """Return the requirement of the example, with its packaging in scope."""
    from msgspec.structs import replace

    return replace(example("greet-cli"), scope=("greet.py", "pyproject.toml"))


async def test_without_its_tools_it_says_that_nothing_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without pip, as some programs make them: verified is then not said without a word about it."""
    monkeypatch.setattr("verification.gates.smoke._TOOLS", ("hatchling", "no-such-tool"))
    report = await asked(Smoke(), {"pyproject.toml": b""})
    assert (report.result, report.findings) == ("noted", ())
    assert report.text.startswith("not tried: A gate needs the package no-such-tool")
    assert "pip install no-such-tool" in report.evidence["remedy"]
