"""A requirement with sealed cases, work for it, and its check, for the tests of the check of a session."""

from agents.sessions.hand_in import Handed, handed
from agents.sessions.visible_check import VisibleCheck
from domain.tree import Tree
from verification.requirements.model import Requirement
from verification.requirements.parser import parse_requirement
from verification.sandbox.base import Sandbox
from verification.sandbox.tree_difference import TreeDifference

SOURCE = b"""---
aura: 1
title: Words
deliver: library
language: python
scope: ["words.py"]
budget: {usd: "1.00", tokens: 1000, minutes: 5}
---
# Words

## Acceptance

```yaml acceptance
- id: A1
  says: words are counted
  cases:
    - {call: "words:count", args: ["one two"], returns: 2}
    - {call: "words:count", args: [""], returns: 0}
- id: A2
  says: words are joined
  cases:
    - {call: "words:joined", args: ["one two"], returns: "one-two"}
```
"""
SEALED = b"""- id: A1
  cases:
    - {call: "words:count", args: ["canary-argument one"], returns: 77123}
- id: A2
  cases:
    - {call: "words:canary_name", args: ["x"], returns: "canary-result"}
"""
RIGHT = b"""def count(text):
    return len(text.split())


def joined(text):
    return "-".join(text.split())
"""
INITIAL = Tree({"README.md": b"Words\n"})
SCOPE = ("words.py",)


def visible() -> Requirement:
    """Return the requirement as a worker gets it."""
    return parse_requirement(SOURCE, None, name="words", folder=None)


def whole() -> Requirement:
    """Return the requirement as the verifier has it."""
    return parse_requirement(SOURCE, SEALED, name="words", folder=None)


def check_in(
    sandbox: Sandbox, requirement: Requirement | None = None, *, initial: Tree = INITIAL, **more: object
) -> VisibleCheck:
    """Return a check. `more` replaces its settings."""
    settings: dict[str, object] = {
        "origin": None,
        "criteria": None,
        "earlier": (),
        "scope": SCOPE,
        "libraries": None,
        "seed": 7,
        "allow_degraded": True,
        "accepted": (),
    }
    return VisibleCheck(sandbox, requirement or visible(), initial, **{**settings, **more})  # type: ignore[arg-type]  # settings of a check


def work(files: dict[str, bytes], *, initial: Tree = INITIAL, **more: tuple[str, ...]) -> Handed:
    """Return what a session hands in that left these files."""
    difference = TreeDifference(tree=Tree(files), added=tuple(files), **more)
    return handed(initial, difference, SCOPE)
