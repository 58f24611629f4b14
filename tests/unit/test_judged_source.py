"""`aura judge` compares a folder with its base: unchanged files are no violation, and deliveries are recognised."""

from pathlib import Path

import pytest

from agents.delivery.packaging import Signed, delivery_files
from director.services.judged_source import Judged, Source, read_source
from domain.errors import AuraError, Invalid, NotFound
from tests.unit.repositories import git, needs_git
from tests.unit.test_working_tree import clone, put, repository
from verification.requirements.model import Requirement
from verification.requirements.parser import parse_requirement
from verification.source_scan.write_set import scope_findings

pytestmark = needs_git
FILES = {
    "src/shop.py": b"def total(x):\n    return 0\n",
    "README.md": b"# Shop\n",
    "pyproject.toml": b"[project]\nname = 'shop'\nversion = '1'\n",
    "tests/acceptance/test_old.py": b"def test_old(): ...\n",
    "verdict.json": b"{}\n",
    ".gitignore": b"*.egg-info/\n",
    "requirements.lock": b"x==1\n",
}
RIGHT = b"def total(x):\n    return x\n"


def requirement(base: str = "") -> Requirement:
    text = f"""---
aura: 1
title: Shop
deliver: library
scope: ["src/shop.py"]
budget: {{usd: "0", tokens: 0, minutes: 5}}
{base}---
```yaml acceptance
- id: A1
  says: it totals
  cases:
    - {{call: "shop:total", args: [2], returns: 2}}
```
"""
    return parse_requirement(text.encode(), None, name="shop", folder=None)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    repository(tmp_path / "base", FILES)
    return tmp_path / "shop.md"


def outside(judged: Judged) -> list[str | None]:
    """Return the paths that the write set gate would refuse."""
    assert judged.base is not None
    changed = judged.tree().changed_from(judged.base.files)
    return [finding.path for finding in scope_findings(changed, judged.requirement.scope)]


def test_packaging_and_readme_of_the_base_are_no_violation(tmp_path: Path, file: Path) -> None:
    """They lie outside the scope, and were taken for a delivery's own files before; the control changes one."""
    work = clone(tmp_path)
    put(work, {"src/shop.py": RIGHT, "src/shop.egg-info/PKG-INFO": b""})
    source = Source(file=file, folder=work)
    judged = read_source(requirement("base: {repo: base}\n"), source)
    assert judged.base is not None
    assert judged.tree().changed_from(judged.base.files) == ("src/shop.py",)
    assert outside(judged) == []
    assert judged.data == {"left_out": ["src/shop.egg-info/"], "compared_raw": []}
    assert any("src/shop.egg-info/" in note for note in judged.notes)
    for path in FILES.keys() - {"src/shop.py"}:
        put(work, {path: b"changed\n"})
        assert outside(read_source(requirement("base: {repo: base}\n"), source)) == [path]
        (work / path).unlink()
        assert outside(read_source(requirement("base: {repo: base}\n"), source)) == [path]
        put(work, {path: FILES[path]})


@pytest.mark.parametrize("without", [(), ("pyproject.toml", "README.md", "verdict.json", ".gitignore")])
def test_deliveries_on_a_base_are_accepted(tmp_path: Path, without: tuple[str, ...]) -> None:
    files = {path: content for path, content in FILES.items() if path not in without}
    base = repository(tmp_path / "base", files)
    work = clone(tmp_path)
    asked = requirement("base: {repo: base}\n")
    tree = {**base, "src/shop.py": RIGHT}
    put(work, {"src/shop.py": RIGHT} | delivery_files(asked, tree, b"{}", "Done.", Signed(b"s", b"k")))
    source = Source(file=tmp_path / "shop.md", folder=work)
    assert outside(read_source(asked, source)) == []
    put(work, {"other.py": b"x = 1\n"})
    assert outside(read_source(asked, source)) == ["other.py"], "control: nothing else is dropped"


def test_without_a_base_a_folder_is_read_as_before(tmp_path: Path, file: Path) -> None:
    work = tmp_path / "alone"
    put(work, {"src/shop.py": RIGHT} | delivery_files(requirement(), {"src/shop.py": RIGHT}, b"{}", "Done."))
    judged = read_source(requirement(), Source(file=file, folder=work))
    assert judged.base is None
    assert judged.tree() == {"src/shop.py": RIGHT}


def branched(tmp_path: Path) -> tuple[Path, str, str]:
    """Make a clone with a branch. Then main gets new commits. Return the branch's start and its commit."""
    work = clone(tmp_path)
    start = git(work, "rev-parse", "HEAD").strip()
    git(work, "checkout", "-q", "-b", "fix")
    put(work, {"src/shop.py": RIGHT})
    git(work, "commit", "-q", "-am", "fix")
    fix = git(work, "rev-parse", "HEAD").strip()
    git(work, "checkout", "-q", "main")
    put(work, {"README.md": b"# Another\n"})
    git(work, "commit", "-q", "-am", "docs")
    put(work, {"src/shop.py": b"uncommitted\n", "junk": b"x"})
    return work, start, fix


@pytest.mark.parametrize("base", ["", "base: {repo: base}\n", "base: {repo: work}\n"])
@pytest.mark.parametrize("base_ref", [None, "main"])
def test_a_branch_is_compared_with_what_it_started_from(
    tmp_path: Path, file: Path, base: str, base_ref: str | None
) -> None:
    """Neither the work tree nor what others did to main since then counts."""
    work, start, fix = branched(tmp_path)
    judged = read_source(requirement(base), Source(file=file, repo=str(work), ref="fix", base_ref=base_ref))
    assert judged.base is not None
    assert judged.base.commit == start
    assert judged.tree().changed_from(judged.base.files) == ("src/shop.py",)
    assert judged.data == {"commit": [fix], "base": [start]}
    again = Source(file=file, repo=judged.words[2], ref=judged.words[4], base_ref=judged.words[6])
    assert read_source(requirement(base), again).tree() == judged.tree()


def test_a_base_of_another_history_is_taken_as_it_is(tmp_path: Path, file: Path) -> None:
    other = repository(tmp_path / "other", FILES)
    (tmp_path / "other/x").write_bytes(b"")
    git(tmp_path / "other", "add", "x")
    git(tmp_path / "other", "commit", "-q", "-m", "x")
    work, _, _ = branched(tmp_path)
    judged = read_source(requirement("base: {repo: other}\n"), Source(file=file, repo=str(work), ref="fix"))
    assert judged.base is not None
    assert judged.tree().changed_from(judged.base.files) == ("src/shop.py", "x")
    assert judged.tree().changed_from(other) == ("src/shop.py",)


def test_a_worktree_is_a_repository_too(tmp_path: Path, file: Path) -> None:
    work, start, _ = branched(tmp_path)
    git(work, "worktree", "add", "-q", str(tmp_path / "tree"), "fix")
    judged = read_source(requirement(), Source(file=file, repo=str(tmp_path / "tree")))
    assert judged.base is not None
    assert judged.base.commit == start
    assert outside(judged) == []


def test_what_cannot_be_compared_is_told_with_a_remedy(tmp_path: Path, file: Path) -> None:
    work, start, fix = branched(tmp_path)
    git(tmp_path, "clone", "-q", "--depth", "1", "--no-single-branch", work.as_uri(), "shallow")
    git(tmp_path / "base", "checkout", "-q", "--orphan", "alone")
    git(tmp_path / "base", "commit", "-q", "--allow-empty", "-m", "alone")
    repo = str(work)
    wrong: list[tuple[Source, type[AuraError], str]] = [
        (Source(file=file), Invalid, "Name the tree to judge"),
        (Source(file=file, folder=work, repo=repo), Invalid, "Name the tree to judge"),
        (Source(file=file, folder=work, base_ref="main"), Invalid, "need --repo"),
        (Source(file=file, repo=repo, ref="origin/main"), Invalid, "changes nothing"),
        (Source(file=file, repo=repo, ref=start, base_ref="main"), Invalid, "main contains all of it already"),
        (Source(file=file, repo=repo, ref="none"), NotFound, "none"),
        (Source(file=file, repo=repo, ref="fix", base_ref="none"), NotFound, "none"),
        (Source(file=file, repo=str(tmp_path / "nowhere")), NotFound, "no git repository"),
        (Source(file=file, repo=str(tmp_path / "shallow"), ref=fix, base_ref="main"), NotFound, "no commit in common"),
        (Source(file=file, repo=str(tmp_path / "base"), ref="alone"), NotFound, "no commit in common"),
    ]
    for source, kind, text in wrong:
        with pytest.raises(kind, match=text) as refusal:
            read_source(requirement(), source)
        assert refusal.value.hint
