"""Deliveries as git repositories: deterministic, whole or absent, and nothing of the user's own is written."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.delivery.gitrepo import (
    RELEASE,
    BaseClone,
    CommitPlan,
    base_commit,
    base_files,
    build_repository,
    put_release_ref,
    release_ref,
)
from domain.errors import AuraError, Conflict, Invalid, NotFound

ROOT = Path(__file__).parents[2]
GIT_WALL_S = 60
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
GIT_ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
    **{f"GIT_{who}_{what}": "ada" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=folder, env=GIT_ENV, capture_output=True, text=True, timeout=GIT_WALL_S, check=False
    )
    assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
    return done.stdout


def plan(files: dict[str, bytes | None], number: int = 1) -> CommitPlan:
    return CommitPlan(
        files=files,
        message=f"T{number}: words are joined by one hyphen\n\nAccepted at the second attempt.",
        trailers=(("Aura-Task", f"T{number}"), ("Aura-Employee", "smol"), ("Aura-Verdict", "v-1"), ("Aura-Tree", "00")),
        at_us=1_795_000_000_000_000 + number * 1_000_000,
    )


TWO = (
    plan({"slugify.py": b"def slugify(text): ...\n"}, 1),
    plan(
        {"slugify.py": b"def slugify(text): ...\n", "pkg/history.py": b"class History: ...\n", "\u00fc/x.txt": b""}, 2
    ),
)


def fingerprint(folder: Path) -> str:
    """All that can be seen of a folder: paths, kinds, modes, contents, and the time of the last change."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        total.update(repr((str(path), status.st_mode, status.st_mtime_ns, content)).encode())
    return total.hexdigest()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A user's repository: a program, a link, a packed history, a second branch and uncommitted work."""
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


def test_the_same_plan_gives_the_same_commit_anywhere(tmp_path: Path) -> None:
    first = build_repository(tmp_path / "a", TWO)
    second = build_repository(tmp_path / "deep" / "er" / "b", TWO)
    other = build_repository(tmp_path / "c", (TWO[0], plan({"slugify.py": b"other\n"}, 2)))
    assert first == second != other
    assert (tmp_path / "a" / "pkg" / "history.py").read_bytes() == b"class History: ...\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c", "deep"]


def test_again_changes_nothing_even_after_a_person_has_gone_on(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    commit = build_repository(folder, TWO)
    (folder / "slugify.py").write_bytes(b"edited\n")
    before = fingerprint(folder)
    assert build_repository(folder, TWO) == commit
    assert fingerprint(folder) == before


def test_a_folder_in_use_is_refused_and_an_empty_one_is_taken(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert build_repository(tmp_path / "mine", TWO)
    other = (plan({"x.py": b""}),)
    with pytest.raises(Conflict, match="does not hold this delivery"):
        build_repository(tmp_path / "mine", other)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "todo.txt").write_text("keep me")
    with pytest.raises(Conflict):
        build_repository(tmp_path / "notes", TWO)
    assert [path.name for path in (tmp_path / "notes").iterdir()] == ["todo.txt"]


@needs_git
def test_git_itself_accepts_the_repository(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    commit = build_repository(folder, TWO)
    git(folder, "fsck", "--strict", "--full")
    assert git(folder, "rev-parse", "HEAD", "main").split() == [commit, commit]
    assert git(folder, "status", "--porcelain") == ""
    assert git(folder, "log", "--format=%an <%ae> %cn <%ce> %at %ct %s", "-1").strip() == (
        "Aura Orchestra <aura@localhost> Aura Orchestra <aura@localhost> 1795000002 1795000002"
        " T2: words are joined by one hyphen"
    )
    trailers = git(folder, "log", "--format=%(trailers:unfold)", "-1").split("\n")
    assert trailers[:4] == ["Aura-Task: T2", "Aura-Employee: smol", "Aura-Verdict: v-1", "Aura-Tree: 00"]
    assert git(folder, "ls-tree", "-r", "--name-only", "HEAD~1").split() == ["slugify.py"]
    assert git(folder, "-c", "core.quotepath=off", "ls-tree", "-r", "--name-only", "HEAD").split() == [
        "pkg/history.py",
        "slugify.py",
        "\u00fc/x.txt",
    ]


REFUSED = [
    ".git/config", ".GIT/hooks/post-checkout", "a/.git/x", "git~1/x", ".g\u200cit/config", "a/../../x", "/etc/passwd",
    "a//b", "./a", "..", "", "a\\b", "a\x00b", "a\nb", "\udcff", "x" * 300,
]  # fmt: skip


@pytest.mark.parametrize("path", REFUSED, ids=ascii)
def test_paths_that_leave_the_tree_or_enter_git_are_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(Invalid):
        build_repository(tmp_path / "a", (plan({"ok.py": b"", path: b"x"}),))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", [".gitignore", ".github/ci.yml", "git/x", "a b/c.py", "x" * 255], ids=ascii)
def test_honest_paths_pass(tmp_path: Path, path: str) -> None:
    build_repository(tmp_path / "a", (plan({"ok.py": b"", path: b"x"}),))
    assert (tmp_path / "a" / path).read_bytes() == b"x"


def test_bad_names_are_refused(tmp_path: Path) -> None:
    bad: list[Callable[[], str]] = [
        lambda: build_repository(tmp_path / "a", ()),
        lambda: build_repository(tmp_path / "a", TWO, branch="../main"),
        lambda: build_repository(tmp_path / "a", TWO, branch="-f"),
        lambda: build_repository(tmp_path / "a", (plan({"a": b"", "a/b": b""}),)),
        lambda: build_repository(
            tmp_path / "a", (CommitPlan(files={}, message="x", trailers=(("Aura-Task", "a\nb: c"),), at_us=0),)
        ),
    ]
    for call in bad:
        with pytest.raises(Invalid):
            call()
    assert not (tmp_path / "a").exists()
    assert build_repository(tmp_path / "a", TWO, branch="aura/one")


def test_the_release_ref_is_put_once(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    commit = build_repository(folder, TWO)
    assert release_ref(folder) is None
    for missing in ("0" * 40, "main", ""):
        with pytest.raises(NotFound):
            put_release_ref(folder, missing)
    assert release_ref(folder) is None
    put_release_ref(folder, commit)
    before = fingerprint(folder)
    put_release_ref(folder, commit, RELEASE)
    assert (release_ref(folder), fingerprint(folder)) == (commit, before)
    with pytest.raises(NotFound):
        put_release_ref(tmp_path / "none", commit)


@needs_git
def test_the_release_ref_is_a_tag_for_git_and_is_never_moved(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    commit = build_repository(folder, TWO)
    put_release_ref(folder, commit)
    assert git(folder, "rev-parse", "aura-release^{commit}").strip() == commit
    git(folder, "pack-refs", "--all")
    assert release_ref(folder) == commit
    put_release_ref(folder, commit)
    with pytest.raises(Conflict):
        put_release_ref(folder, git(folder, "rev-parse", "HEAD~1").strip())
    git(folder, "fsck", "--strict")


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
def test_a_base_that_is_not_there_is_named(tmp_path: Path, site: Path) -> None:
    with pytest.raises(Invalid, match="no branch, tag or commit") as refused:
        build_repository(tmp_path / "clone", TWO, base=BaseClone(repo=site, ref="release"))
    assert "main, other" in refused.value.hint
    with pytest.raises(Invalid, match="not a git repository"):
        base_commit(BaseClone(repo=tmp_path, ref="main"))


BUILDER = """
import sys
from pathlib import Path
from agents.delivery.gitrepo import CommitPlan, build_repository
from agents.delivery import objects
trees = [{f"d{n % 40}/f{n}.py": b"x = %d" % (n + k) for n in range(800)} for k in range(3)]
plans = [CommitPlan(files=tree, message="more", trailers=(), at_us=0) for tree in trees]
print("begin", flush=True)
print(build_repository(Path(sys.argv[1]), plans), flush=True)
"""


def test_killed_at_any_moment_it_is_whole_or_absent_and_a_second_run_ends_it(tmp_path: Path) -> None:
    """kill -9 at seeded times inside the writing; the control is that some kills did land inside it."""

    def start(folder: Path) -> subprocess.Popen[str]:
        builder = subprocess.Popen(
            [sys.executable, "-c", BUILDER, str(folder)],
            env={"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert builder.stdout
        assert builder.stdout.readline() == "begin\n"
        return builder

    def writing(folder: Path) -> bool:
        """Wait until the builder writes; False if it has already ended."""
        while not (folder.parent / ".repo.building").exists():
            if folder.exists():
                return False
            time.sleep(0.001)
        return True

    with start(tmp_path / "whole" / "repo") as undisturbed:
        assert writing(tmp_path / "whole" / "repo")
        began = time.monotonic()
        assert undisturbed.stdout
        commit = undisturbed.stdout.readline().strip()
    wall_s = time.monotonic() - began
    landed = 0
    chance = random.Random(20261122)
    for share in (0.0, *(chance.random() for _ in range(3))):
        folder = tmp_path / f"{share}" / "repo"
        with start(folder) as builder:
            if writing(folder):
                time.sleep(wall_s * share)
            builder.send_signal(signal.SIGKILL)
        landed += (folder.parent / ".repo.building").exists()
        assert not folder.exists() or (folder / "d39" / "f799.py").exists()
        with start(folder) as again:
            assert again.stdout
            assert again.stdout.readline().strip() == commit
        assert [path.name for path in folder.parent.iterdir()] == ["repo"]
        assert len(list(folder.rglob("*.py"))) == 800
    assert landed > 0


def test_every_refusal_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AuraError) as refused:
        build_repository(tmp_path / "a", (plan({".git/config": b""}),))
    assert refused.value.hint
