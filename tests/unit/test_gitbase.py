"""Deliveries on a base: a clone with a branch. The user's repository is never changed."""

import os
from pathlib import Path

import pytest

from agents.delivery.commit_plan import BaseClone, CommitPlan
from agents.delivery.repository import base_commit, base_files, build_repository
from domain.errors import Invalid, NotFound
from domain.tree import Tree
from tests.unit.repositories import TWO, fingerprint, git, needs_git, plan


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a user's repository: a program, a link, a packed history, a second branch and uncommitted work."""
    site = tmp_path / "site"
    site.mkdir()
    git(site, "init", "-q", "-b", "main")
    (site / "app.py").write_text("print('one')\n")
    (site / "run.sh").write_text("#!/bin/sh\n")
    (site / "run.sh").chmod(0o755)
    (site / "old.py").write_text("x = 1\n")
    (site / "data").mkdir()
    (site / "link").symlink_to("data")
    git(site, "add", "-A")
    git(site, "commit", "-q", "-m", "one")
    (site / "app.py").write_text("print('two')\n")
    git(site, "commit", "-q", "-a", "-m", "two")
    git(site, "gc", "-q")
    git(site, "branch", "other", "HEAD~1")
    (site / "app.py").write_text("print('not committed')\n")
    return site


@needs_git
@pytest.mark.parametrize("ref", ["main", "other", "HEAD~0"])
def test_a_base_is_cloned_and_never_written(tmp_path: Path, site: Path, ref: str) -> None:
    before = fingerprint(site)
    wanted = git(site, "rev-parse", ref).strip()
    assert fingerprint(site) == before
    base = BaseClone(repo=site, ref=wanted if "~" in ref else ref)
    assert base_commit(base) == wanted
    commits = (plan({"new.py": b"1\n"}, 1), plan({"new.py": b"2\n", "app.py": b"3\n", "old.py": None}, 2))
    clone = tmp_path / "clone"
    commit = build_repository(clone, commits, branch="aura/run-1", base=base)
    assert build_repository(clone, commits, branch="aura/run-1", base=base) == commit
    assert fingerprint(site) == before
    git(clone, "fsck", "--strict", "--full")
    assert git(clone, "rev-parse", "aura/run-1~2").strip() == wanted
    assert git(clone, "symbolic-ref", "HEAD").strip() == "refs/heads/aura/run-1"
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "diff", "--name-status", wanted, "HEAD").split() == [
        "M", "app.py", "A", "new.py", "D", "old.py",
    ]  # fmt: skip
    assert os.access(clone / "run.sh", os.X_OK)
    assert (clone / "link").is_symlink()


@needs_git
def test_a_difference_with_modes_links_and_deletions_is_delivered_as_it_is(tmp_path: Path, site: Path) -> None:
    wanted = git(site, "rev-parse", "main").strip()
    tree = Tree(
        {"app.py": b"print('two')\n", "run.sh": b"#!/bin/sh\n", "blob": bytes(range(256)), "empty": b""},
        executable=frozenset({"app.py"}),
        links={"latest": "app.py"},
        submodules={"lib": "1" * 40},
    )
    change = CommitPlan(
        files=tree, deleted=frozenset({"old.py", "link"}), message="fix", trailers=(), at_us=1_795_000_000_000_000
    )
    clone = tmp_path / "clone"
    build_repository(clone, (change,), base=BaseClone(repo=site, ref="main"))
    changes = git(clone, "diff", "--raw", "--no-renames", "--abbrev=4", wanted, "HEAD").splitlines()
    modes = {line.split("\t")[1]: (line.split()[0].lstrip(":"), line.split()[1]) for line in changes}
    assert modes == {
        "app.py": ("100644", "100755"),
        "blob": ("000000", "100644"),
        "empty": ("000000", "100644"),
        "latest": ("000000", "120000"),
        "lib": ("000000", "160000"),
        "link": ("120000", "000000"),
        "old.py": ("100644", "000000"),
        "run.sh": ("100755", "100644"),
    }
    assert ((clone / "latest").readlink(), (clone / "blob").read_bytes()) == (Path("app.py"), bytes(range(256)))
    assert git(clone, "status", "--porcelain") == ""


@needs_git
def test_the_files_of_a_base_are_the_committed_ones_without_links(site: Path) -> None:
    files = base_files(BaseClone(repo=site, ref="main"))
    assert files == {"app.py": b"print('two')\n", "run.sh": b"#!/bin/sh\n", "old.py": b"x = 1\n"}


@needs_git
def test_links_of_a_base_are_neither_followed_nor_replaced(tmp_path: Path, site: Path) -> None:
    base = BaseClone(repo=site, ref="main")
    for path in ("link", "link/x.py"):
        with pytest.raises(Invalid, match="link"):
            build_repository(tmp_path / "clone", (plan({path: b"x"}),), base=base)
    assert build_repository(tmp_path / "clone", (plan({"links/x.py": b"x"}),), base=base)


@needs_git
def test_a_shallow_base_stays_shallow(tmp_path: Path, site: Path) -> None:
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", site.as_uri(), str(shallow))
    build_repository(tmp_path / "clone", (plan({"x.py": b"x"}),), base=BaseClone(repo=shallow, ref="main"))
    git(tmp_path / "clone", "fsck", "--strict", "--full")
    assert git(tmp_path / "clone", "rev-list", "--count", "HEAD").strip() == "2"


@needs_git
@pytest.mark.parametrize("lost", ["of an older commit", "of the base"])
def test_a_base_in_a_partial_clone_is_delivered_without_its_ancestors(tmp_path: Path, site: Path, lost: str) -> None:
    git(site, "checkout", "-q", "main")
    for text in ("three", "four"):
        (site / "app.py").write_text(f"print('{text}')\n")
        git(site, "commit", "-q", "-a", "-m", text)
    older, base = git(site, "rev-parse", "main~1:app.py", "main:app.py").split()
    blob = older if lost == "of an older commit" else base
    (site / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    clone = tmp_path / "clone"
    if lost == "of the base":
        with pytest.raises(NotFound, match=f"lacks the object {blob}"):
            build_repository(clone, (plan({"x.py": b"x"}),), base=BaseClone(repo=site, ref="main"))
        assert not clone.exists()
        return
    build_repository(clone, (plan({"x.py": b"x"}),), base=BaseClone(repo=site, ref="main"))
    git(clone, "fsck", "--strict", "--full")
    assert git(clone, "rev-list", "--count", "HEAD").strip() == "2", "the base and the delivered commit"
    assert git(clone, "diff", "--name-only", "HEAD~1").split() == ["x.py"]
    git(site, "fetch", "-q", str(clone), "HEAD")
    assert git(site, "rev-parse", "FETCH_HEAD~1") == git(site, "rev-parse", "main"), "its owner can fetch it"


@needs_git
def test_a_base_that_is_not_there_is_named(tmp_path: Path, site: Path) -> None:
    with pytest.raises(Invalid, match="no branch, tag or commit") as refused:
        build_repository(tmp_path / "clone", TWO, base=BaseClone(repo=site, ref="release"))
    assert "main, other" in refused.value.hint
    with pytest.raises(Invalid, match="not a git repository"):
        base_commit(BaseClone(repo=tmp_path, ref="main"))
