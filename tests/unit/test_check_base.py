"""`aura check` opens the base and names unsupported entries before any work starts."""

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.cli import Aura
from tests.unit.repositories import git, needs_git
from tests.unit.test_basetree import FILE, LINK, MODULE, commit

REQUIREMENT = """---
aura: 1
title: Doubles
deliver: library
base: {repo: %s}
scope: ["%s"]
budget: {usd: "1.00", tokens: 100000, minutes: 20}
---
A module `double` with `double(number)`.

## Acceptance

```yaml acceptance
- id: A1
  says: it doubles
  cases:
    - {call: "double:double", args: [2], returns: 4}
    - {call: "double:double", args: [5], returns: 10}
```
"""


@pytest.fixture
def aura(tmp_path: Path) -> Aura:
    return Aura(tmp_path).inside()


def checked(aura: Aura, repo: str = "site", scope: str = "double.py", *, code: int = 0) -> dict[str, Any]:
    (aura.folder / "double.md").write_text(REQUIREMENT % (repo, scope))
    return aura.json("check", "double.md", "--static", code=code)


def site(aura: Aura, *entries: tuple[bytes, int, bytes], folder: bytes | None = None) -> str:
    return commit(aura.folder / "site", (b"a.py", FILE, b"x = 1\n"), *entries, folder=folder)


def test_a_base_that_can_be_carried_is_told(aura: Aura) -> None:
    made = site(aura, (b"b.py", LINK, b"a.py"), (b"lib", MODULE, b"1" * 40))
    assert checked(aura)["base"] == {"repo": str(aura.folder / "site"), "commit": made, "files": 1}
    told = aura.run("check", "double.md", "--static").out
    assert f"base {made[:12]} of {aura.folder / 'site'}: 1 file, 1 link, 1 submodule\n" in told


def test_a_base_that_is_not_there_is_an_error(aura: Aura) -> None:
    site(aura)
    assert "no git repository" in checked(aura, "elsewhere", code=3)["message"]
    assert checked(aura)["base"]["files"] == 1, "control"


def test_what_cannot_be_carried_is_named(aura: Aura) -> None:
    site(aura, (b"home", LINK, b"/root"))
    assert "home in the base is a link to an absolute path" in checked(aura, code=2)["message"]


@needs_git
@pytest.mark.parametrize(
    ("scope", "write"), [("src/double.py", "lib/double.py"), ("src/**", "lib/**"), ("alias.py", "lib/a.py")]
)
def test_a_scope_behind_a_link_says_what_to_write(aura: Aura, scope: str, write: str) -> None:
    folder = aura.folder / "site"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "a.py").write_text("x = 1\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    assert checked(aura, scope=scope)["base"], "control: there is no link"
    (folder / "src").symlink_to("lib")
    (folder / "alias.py").symlink_to("lib/a.py")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "two")
    refused = checked(aura, scope=scope, code=2)
    assert (refused["code"], f'Write "{write}"' in refused["hint"]) == ("scope_behind_link", True)
    assert checked(aura, scope=write)["base"], "control"
