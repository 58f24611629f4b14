"""An author cannot write a file that defines the requirement, or read a sealed file, wherever the requirement is."""

from pathlib import Path

import pytest

from director.services.judged_source import Source, read_source
from domain import run_messages, task
from domain.errors import Invalid
from governance.authority import senders
from tests.unit.test_basetree import FILE, commit
from verification.requirements.base_tree import BaseTree, read_base
from verification.requirements.model import Base, Requirement
from verification.requirements.own_files import refuse_own_in_scope, refuse_sealed_in_base
from verification.requirements.parser import parse_requirement, read_requirement

SUITE = b"def test_it():\n    assert False\n"
SEALED = b'- id: A1\n  cases:\n    - {call: "shop:total", args: [[4711]], returns: 4711}\n'
SOURCE = """---
aura: 1
title: Shop
deliver: library
base: {repo: ..}
scope: [%s]
budget: {usd: "1.00", tokens: 1000, minutes: 20}
---
# Shop
```yaml acceptance
- id: A1
  says: it totals
  pytest: test_shop.py
```
"""


def written(folder: Path, *scope: str) -> Path:
    """Write a requirement with a suite and sealed cases into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shop.md").write_text(SOURCE % ", ".join(f'"{each}"' for each in scope))
    (folder / "shop.sealed.yaml").write_bytes(SEALED)
    (folder / "test_shop.py").write_bytes(SUITE)
    return folder / "shop.md"


def base(repo: Path, *entries: tuple[bytes, int, bytes], folder: bytes | None = None) -> BaseTree:
    commit(repo, (b"a.py", FILE, b"x = 1\n"), *entries, folder=folder)
    return read_base(Base(repo=str(repo), ref="main"), repo)


def refusal(requirement: Requirement, file: Path, tree: BaseTree) -> str:
    try:
        refuse_own_in_scope(requirement, file, tree)
        refuse_sealed_in_base(requirement, file, tree)
    except Invalid as error:
        return f"{error.code} {error.message}"
    return ""


@pytest.mark.parametrize(
    ("scope", "named"),
    [
        ("specs/**", "specs/shop.md"),
        ("specs/shop.md", "specs/shop.md"),
        ("**/*.sealed.yaml", "specs/shop.sealed.yaml"),
        ("specs/test_*.py", "specs/test_shop.py"),
        ("src/**", ""),
    ],
)
def test_the_scope_covers_no_file_of_the_requirement(tmp_path: Path, scope: str, named: str) -> None:
    """The files need not be committed: what an author puts there would be read at the next hand-in."""
    file = written(tmp_path / "specs", scope)
    said = refusal(read_requirement(file), file, base(tmp_path))
    wanted = f"requirement_in_scope The scope covers {named}, which is part of the requirement itself."
    assert said == (wanted if named else "")


def test_nor_a_copy_of_it_in_another_clone(tmp_path: Path) -> None:
    file = written(tmp_path / "elsewhere", "a.py", "shop.md")
    committed = base(tmp_path / "site", (b"shop.md", FILE, file.read_bytes()))
    assert refusal(read_requirement(file), file, committed).startswith("requirement_in_scope The scope covers shop.md")
    other = base(tmp_path / "other", (b"shop.md", FILE, b"# Another text\n"))
    assert refusal(read_requirement(file), file, other) == "", "control: the base has another file of that name"


def test_a_base_holds_nothing_that_is_sealed(tmp_path: Path) -> None:
    file = written(tmp_path / "elsewhere", "a.py")
    requirement = read_requirement(file)
    known = base(tmp_path / "site", (b"kept.yaml", FILE, SEALED))
    assert refusal(requirement, file, known).startswith("sealed_in_base kept.yaml is sealed")
    inside = written(tmp_path / "inside", "a.py")
    older = base(inside.parent, (b"shop.sealed.yaml", FILE, b"# an older text\n"))
    assert refusal(read_requirement(inside), inside, older).startswith("sealed_in_base shop.sealed.yaml")
    assert refusal(requirement, file, base(tmp_path / "other", (b"shop.md", FILE, b"#\n"))) == "", "control"


def test_without_sealed_cases_nothing_is_sealed(tmp_path: Path) -> None:
    case = 'cases: [{call: "shop:total", args: [[1]], returns: 1}]'
    source = (SOURCE % '"a.py"').replace("pytest: test_shop.py", case)
    requirement = parse_requirement(source.encode(), None, name="shop", folder=None)
    assert refusal(requirement, tmp_path / "shop.md", base(tmp_path, (b"shop.md", FILE, source.encode()))) == ""


def test_a_work_tree_that_holds_the_requirement_in_scope_is_not_judged(tmp_path: Path) -> None:
    """The author of a folder may have written every file in it, this requirement with its keys too."""
    site = base(tmp_path / "site")
    for scope, code in (("**", "requirement_in_scope"), ("src/**", "")):
        file = written(tmp_path / "work", scope)
        file.write_text(file.read_text().replace("{repo: ..}", "{repo: ../site}"))
        requirement, said = read_requirement(file), ""
        try:
            read_source(requirement, Source(file=file, folder=file.parent))
        except Invalid as error:
            said = error.code
        assert said == code, site.commit
    outside = written(tmp_path / "elsewhere", "**")
    outside.write_text(outside.read_text().replace("{repo: ..}", "{repo: ../site}"))
    judged = read_source(read_requirement(outside), Source(file=outside, folder=tmp_path / "work"))
    assert judged.base is not None, "control: the same scope, with the requirement elsewhere"


def test_nobody_but_the_director_hands_in_a_requirement() -> None:
    """A verdict reads `may_change` and the like from the requirement of `run.submitted`, and from nowhere else."""
    assert senders(run_messages.Submit) == ("director",)
    assert senders(task.SubmitWork) == ("manager",), "control: the manager puts what an employee has handed in"
