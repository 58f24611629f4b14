"""Budgets of tasks and the choice `on_budget` in a requirement."""

from decimal import Decimal

import pytest

from director.services.submit import _task_caps
from domain.caps import Limit
from verification.requirements.model import Requirement
from verification.requirements.parser import parse_requirement
from verification.requirements.problems import RequirementInvalid

REQUIREMENT = """---
aura: 1
title: Slug maker
deliver: library
scope: ["slugify.py", "other.py"]
budget: {usd: "1.00", tokens: 100000, minutes: 20%s}
tasks:
  - {id: T1, criteria: [A1], scope: ["slugify.py"]%s}
  - {id: T2, criteria: [A2], scope: ["other.py"]}
---
Prose.

```yaml acceptance
- id: A1
  says: one
  cases:
    - call: slugify:slugify
      args: ["a"]
      returns: "a"
- id: A2
  says: two
  cases:
    - call: other:other
      args: ["a"]
      returns: "b"
```
"""


def read(more: str = "", task: str = "") -> Requirement:
    return parse_requirement((REQUIREMENT % (more, task)).encode(), None, name="slug", folder=None)


def test_a_requirement_without_budgets_of_tasks_has_none_and_ends() -> None:
    requirement = read()
    assert requirement.budget.on_budget == "end"
    assert _task_caps(requirement) == {}


def test_a_task_has_its_own_budget_or_the_default() -> None:
    requirement = read(', task_usd_max: "0.25", on_budget: ask', ', budget: {usd: "0.50", tokens: 9}')
    assert requirement.budget.on_budget == "ask"
    assert _task_caps(requirement) == {
        "T1": Limit(usd=Decimal("0.50"), tokens=9),
        "T2": Limit(usd=Decimal("0.25")),
    }
    assert _task_caps(read("", ", budget: {tokens: 9}")) == {"T1": Limit(tokens=9)}


@pytest.mark.parametrize(
    ("more", "task", "text"),
    [
        (", on_budget: beg", "", "on_budget"),
        (", task_usd_max: 0.25", "", "task_usd_max"),
        ("", ", budget: {usd: 0.5}", "usd"),
        ("", ", budget: {minutes: 3}", "minutes"),
        ("", ", budget: 3", "budget"),
    ],
)
def test_a_budget_that_cannot_be_read_is_reported(more: str, task: str, text: str) -> None:
    with pytest.raises(RequirementInvalid, match=text):
        read(more, task)
