"""From a requirement file and a tree to a verdict. Each failing call, step or command has a passing counterpart."""

import re
from pathlib import Path

import pytest

from domain.errors import Invalid, Unavailable
from tests.sandboxes import sandbox
from tests.tiers import CI
from verification.judge import Candidate, judge
from verification.requirements.model import Requirement
from verification.requirements.parser import parse_requirement, read_requirement
from verification.sandbox.base import Capabilities, RunResult, RunSpec
from verification.sandbox.bubblewrap import Bubblewrap
from verification.verdict.model import Verdict

__all__ = ["sandbox"]

pytestmark = pytest.mark.needs_sandbox
MUTANTS = 2
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

GREET = b"""
import sys

def main():
    words, shout, save, names = sys.argv[1:], False, None, []
    while words:
        word = words.pop(0)
        if word == "--shout":
            shout = True
        elif word == "--save":
            save = words.pop(0)
        elif word.startswith("-"):
            print("unknown option", word, file=sys.stderr)
            return 2
        else:
            names.append(word)
    for name in names or [line.strip() for line in sys.stdin if line.strip()]:
        text = f"Hello, {name}!"
        text = text.upper() if shout else text
        if save:
            with open(save, "w") as file:
                file.write(text + "\\n")
        else:
            print(text)
"""
SLUGIFY = b"""
import re

def slugify(text):
    words = re.findall("[a-z0-9]+", text.lower())
    if not words:
        raise ValueError("the text is empty")
    return "-".join(words)
"""
HISTORY = b"""
from slugify import slugify

class History:
    def __init__(self):
        self.kept = []

    def add(self, text):
        first = slug = slugify(text)
        number = 1
        while slug in self.kept:
            number += 1
            slug = f"{first}-{number}"
        self.kept.append(slug)

    def all(self):
        return list(self.kept)
"""
SLUGS = {"slugify.py": SLUGIFY, "history.py": HISTORY}

VALUES = """---
aura: 1
title: Values
deliver: library
language: python
scope: ["values.py"]
budget: {usd: "1.00", tokens: 1000, minutes: 5}
---
# Values

## Acceptance

```yaml acceptance
- id: A1
  says: what goes in comes out
  cases:
    - call: "values:same"
      args: [{$decimal: "1.50"}, {$tuple: [1, {$set: [1, 2]}]}, {$bytes: "AAE="}, 9007199254740993]
      returns: [{$decimal: "1.50"}, {$tuple: [1, {$set: [2, 1]}]}, {$bytes: "AAE="}, 9007199254740993]
    - call: "values:same"
      args: [{$dict: [[1, "a"], [{$tuple: [1]}, null]]}, {$date: "2026-11-22"}, {$float: nan}]
      returns: [{$dict: [[{$tuple: [1]}, null], [1, "a"]]}, {$date: "2026-11-22"}, {$float: nan}]
    - {call: "values:same", args: [true, 1, 1.5, "ü"], returns: [true, 1, 1.5, "ü"]}
    - {call: "values:same", args: [0.30000000000000004], returns: [0.3], approx: 0.000001}
    - {call: "values:fail", args: ["key"], raises: KeyError, message_matches: "key"}
    - {call: "values:fail", args: ["key"], raises: LookupError, or_subclass: true}
```
"""
SAME = b"def same(*given):\n    return list(given)\n\ndef fail(key):\n    return {}[key]\n"


def values() -> Requirement:
    return parse_requirement(VALUES.encode(), None, name="values", folder=None)


def example(name: str) -> Requirement:
    return read_requirement(EXAMPLES / name / f"{name}.md")


async def verdict(
    requirement: Requirement, tree: dict[str, bytes], sandbox: Bubblewrap, *, whole: bool = False
) -> Verdict:
    """Return the verdict. The repeated runs and the mutants of a whole tree are tried only where a test needs them."""
    candidate = Candidate(requirement=requirement, tree=tree, whole=whole, mutants_max=MUTANTS)
    return await judge(candidate, sandbox=sandbox, seed=7, allow_degraded=True)


async def test_a_right_command_is_verified(sandbox: Bubblewrap) -> None:
    found = await verdict(example("greet-cli"), {"greet.py": GREET}, sandbox, whole=True)
    assert found.verified, found.findings


WRONG_COMMANDS = [
    (b"return 2", b"return 3", {"wrong_result", "sealed_failed"}, "exit code 3, expected 2"),
    (b"text.upper()", b"text", {"wrong_result", "sealed_failed"}, "expected 'HELLO, ADA!"),
    (b"file.write(text", b"file.write('x'", {"wrong_result", "sealed_failed"}, "left the file out.txt with"),
    (b"import sys", b"import sis", {"did_not_start", "sealed_failed"}, "No module named 'sis'"),
    (b"def main", b"def mein", {"did_not_start", "sealed_failed"}, "did not start"),
    (b"print(text)", b"[print(text * 999) for _ in range(9999)]", {"output_limit", "sealed_failed"}, "more output"),
]


@pytest.mark.parametrize(
    ("old", "new", "kinds", "told"),
    [pytest.param(*row, marks=CI if at % 3 else []) for at, row in enumerate(WRONG_COMMANDS)],
)
async def test_a_wrong_command_is_not(sandbox: Bubblewrap, old: bytes, new: bytes, kinds: set[str], told: str) -> None:
    found = await verdict(example("greet-cli"), {"greet.py": GREET.replace(old, new)}, sandbox)
    assert not found.verified
    assert {each.kind for each in found.findings} <= kinds
    assert any(told in each.for_author for each in found.findings), found.findings


async def test_steps_share_a_box(sandbox: Bubblewrap) -> None:
    right = await verdict(example("hello-slug"), SLUGS, sandbox)
    assert right.verified, right.findings
    forgetful = HISTORY.replace(b"self.kept.append(slug)", b"self.kept = [slug]")
    wrong = await verdict(example("hello-slug"), {**SLUGS, "history.py": forgetful}, sandbox)
    assert [result.passed for result in wrong.criteria] == [True, True, False]
    assert all(each.criterion == "A3" for each in wrong.findings)


async def test_one_task_is_judged_alone(sandbox: Bubblewrap) -> None:
    requirement, half = example("hello-slug"), {"slugify.py": SLUGIFY}
    alone = await judge(
        Candidate(requirement=requirement, tree=half, criteria=("A1", "A2"), scope=("slugify.py",), whole=False),
        sandbox=sandbox,
        seed=1,
        allow_degraded=True,
    )
    assert alone.verified
    assert [result.id for result in alone.criteria] == ["A1", "A2"]
    beyond = await judge(
        Candidate(requirement=requirement, tree=SLUGS, criteria=("A1",), scope=("slugify.py",)),
        sandbox=sandbox,
        seed=1,
        allow_degraded=True,
    )
    assert [(each.kind, each.path) for each in beyond.findings] == [("outside_scope", "history.py")]
    with pytest.raises(Invalid, match="A9"):
        await judge(
            Candidate(requirement=requirement, tree=half, criteria=("A9",)),
            sandbox=sandbox,
            seed=1,
            allow_degraded=True,
        )


@pytest.mark.slow
@pytest.mark.ci
async def test_values_travel_and_compare_with_their_types(sandbox: Bubblewrap) -> None:
    right = await verdict(values(), {"values.py": SAME}, sandbox)
    assert right.verified, right.findings
    for wrong in (
        b"return tuple(given)",
        b"return [float(x) if type(x) is int else x for x in given]",
        b"return [int(x) if type(x) is bool else x for x in given]",
        b"return [str(x) for x in given]",
        b"return [list(x) if type(x) is tuple else x for x in given][:1]",
    ):
        found = await verdict(values(), {"values.py": SAME.replace(b"return list(given)", wrong)}, sandbox)
        assert not found.verified, wrong
        assert {each.kind for each in found.findings} == {"wrong_result"}


async def test_an_exception_that_only_bears_the_name_is_refused(sandbox: Bubblewrap) -> None:
    fake = b"class KeyError(Exception):\n    __module__ = 'builtins'\n\n" + SAME.replace(
        b"return {}[key]", b"raise KeyError(key)"
    )
    found = await verdict(values(), {"values.py": fake}, sandbox)
    assert [each.kind for each in found.findings] == ["wrong_result", "wrong_result"]


async def test_a_tree_that_is_none_is_not_run(sandbox: Bubblewrap) -> None:
    found = await verdict(values(), {"values.py": SAME, "values.py/x": b"", "../y": b""}, sandbox)
    assert not found.verified
    assert {each.kind for each in found.findings} == {"leftover_files", "outside_scope"}
    assert found.criteria[0].visible_passed == 0


class Broken:
    """A sandbox in which the first runs cannot make a box."""

    def __init__(self, working: Bubblewrap, failures: int) -> None:
        self.working = working
        self.failures = failures

    async def probe(self) -> Capabilities:
        return await self.working.probe()

    async def run(self, spec: RunSpec) -> RunResult:
        self.failures -= 1
        return (
            RunResult(reason="setup_failed", stderr=b"no room") if self.failures >= 0 else await self.working.run(spec)
        )

    async def sweep(self) -> int:
        return 0

    async def close(self) -> None:
        return


async def test_a_box_that_cannot_be_made_is_nobodys_failure(sandbox: Bubblewrap) -> None:
    """No verdict, but an error; once may happen."""
    right = {"values.py": SAME}
    with pytest.raises(Unavailable, match="no room"):
        await judge(
            Candidate(requirement=values(), tree=right), sandbox=Broken(sandbox, 1000), seed=1, allow_degraded=True
        )
    once = await judge(
        Candidate(requirement=values(), tree=right, whole=False),
        sandbox=Broken(sandbox, 1),
        seed=1,
        allow_degraded=True,
    )
    assert once.verified


async def test_the_verdict_is_about_one_tree_and_says_how_it_came_about(sandbox: Bubblewrap) -> None:
    one, other = [await verdict(values(), {"values.py": SAME + more}, sandbox) for more in (b"", b"# x\n")]
    assert re.fullmatch("auraTree2:[0-9a-f]{64}", one.tree)
    assert one.tree != other.tree
    assert (one.seed, one.grade) == (7, "C")
    assert one.sandbox.startswith("bubblewrap ")
