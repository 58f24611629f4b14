"""Honest subclasses, judged in boxes. Subclasses with false contents are in tests/cheats/on_base."""

import random

import pytest

from tests.cheats.judged import word
from tests.cheats.on_base.subclasses import HONEST
from verification.judge import Candidate, judge
from verification.requirements.model import Requirement
from verification.requirements.parser import parse_requirement
from verification.sandbox.bubblewrap import Bubblewrap
from verification.verdict.model import Verdict

pytestmark = pytest.mark.needs_sandbox

REQUIREMENT = """---
aura: 1
title: counted letters
deliver: library
scope: ["MODULE.py"]
budget: {usd: "0", tokens: 0, minutes: 5}
---
# Counted letters
```yaml acceptance
- id: A1
  says: the letters of a text are counted
  cases:
    - {call: "MODULE:letters", args: [aab], returns: {a: 2, b: 1}}
    - {call: "MODULE:order", args: [bab], returns: [a, b, b]}
    - {call: "MODULE:first", args: [bab], returns: b}
    - {call: "MODULE:count", args: [bab], returns: 3}
    - {call: "MODULE:pair", args: [bab], returns: {$tuple: [b, 3]}}
```
"""


def written(text: str, module: str) -> bytes:
    return text.replace("MODULE", module).encode()


def requirement(module: str, *, exact_type: bool) -> Requirement:
    source = written(REQUIREMENT, module)
    if exact_type:
        source = source.replace(b"}\n    - {call", b", exact_type: true}\n    - {call")
    return parse_requirement(source, None, name="letters", folder=None)


async def test_exact_type_refuses_honest_subclasses(sandbox: Bubblewrap) -> None:
    """The control is the same requirement without it."""
    module = word(random.Random())
    tree = {f"{module}.py": HONEST.encode()}

    async def verdict(asked: Requirement) -> Verdict:
        return await judge(
            Candidate(requirement=asked, tree=tree, whole=False), sandbox=sandbox, seed=1, allow_degraded=True
        )

    assert (await verdict(requirement(module, exact_type=False))).verified
    found = await verdict(requirement(module, exact_type=True))
    assert not found.verified
    assert found.criteria[0].visible_passed == 1, "the last case does not ask for it"
    assert "returned collections.Counter({'a': 2, 'b': 1}), expected {'a': 2, 'b': 1} of exactly this type" in str(
        found
    )
