"""`aura check` and `aura submit` ask for consent before providers can read the secrets of a base."""

from pathlib import Path

from tests.acceptance.cli import Aura
from tests.unit.repositories import needs_git
from tests.unit.test_base_secrets import key
from tests.unit.test_working_tree import repository

pytestmark = needs_git
SOURCE = """---
aura: 1
title: Shop
deliver: library
base: {repo: site}
scope: ["shop.py"]
budget: {usd: "1.00", tokens: 1000, minutes: 20}
---
# Shop
A function `mean`.

```yaml acceptance
- id: A1
  says: it has a mean
  cases:
    - {call: "shop:mean", args: [[1, 3]], returns: 2.0}
```
"""


def test_check_and_submit_ask_for_consent(tmp_path: Path) -> None:
    aura, value = Aura(tmp_path).inside(), key()
    repository(tmp_path / "site", {"shop.py": b"x = 1\n", "deploy.py": f"KEY = '{value}'\n".encode()})
    (tmp_path / "shop.md").write_text(SOURCE)
    for command in (("check", "shop.md", "--static"), ("submit", "shop.md")):
        told = aura.answer(*command, code=7)["error"]
        assert told["code"] == "secrets_in_base"
        assert "deploy.py, line 1: an AWS access key" in told["message"]
        assert "--share-secrets 'REASON'" in told["hint"]
        assert value not in str(told)
    allowed = aura.answer("check", "shop.md", "--static", "--share-secrets", "a key of the test bench", code=0)["data"]
    assert [(each["path"], each["line"]) for each in allowed["secrets"]] == [("deploy.py", 1)]
    assert value not in str(allowed)
