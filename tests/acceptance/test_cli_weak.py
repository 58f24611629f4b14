"""`aura check` names criteria that code which solves nothing would meet. This is not an error."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = """---
aura: 1
title: Twice
deliver: library
language: python
scope: ["twice.py"]
budget: {usd: "1.00", tokens: 1000, minutes: 5}
---
# Twice
```yaml acceptance
- id: A1
  says: a number is doubled
  cases:
    - {call: "twice:twice", args: [0], returns: 0}
```
"""
MORE = '    - {call: "twice:twice", args: [4], returns: 8}\n```'


@pytest.mark.parametrize("strong", [False, True])
def test_a_weak_criterion_is_named_with_the_stub_and_what_to_add(tmp_path: Path, strong: bool) -> None:
    file = tmp_path / "twice.md"
    file.write_text(SOURCE.replace("```\n", f"{MORE}\n") if strong else SOURCE, encoding="utf-8")
    asked = [sys.executable, "-m", "director", "check", str(file), "--json"]
    answer = json.loads(subprocess.run(asked, capture_output=True, check=True, timeout=240).stdout)
    notes = [note for note in answer["data"]["notes"] if note.startswith("A1")]
    if strong:
        assert (answer["data"]["weak"], notes) == ([], [])
        return
    (weak,) = answer["data"]["weak"]
    assert weak == {
        "criterion": "A1",
        "stubs": ["returns 0", "returns its argument"],
        "remedy": "add a case with a result other than 0",
        "refused_by": [],
    }
    assert notes == ["A1 is met by code that returns 0: add a case with a result other than 0."]
