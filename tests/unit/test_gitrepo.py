"""Deliveries as git repositories: the same content gives the same bytes, and a repository is complete or absent."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from agents.delivery.commit_plan import CommitPlan
from agents.delivery.commits import release_of
from agents.delivery.repository import build_repository, put_release_ref, release_ref
from domain.errors import AuraError, Conflict, Invalid, NotFound
from tests.unit.repositories import TWO, fingerprint, git, needs_git, plan

ROOT = Path(__file__).parents[2]
RUN, OTHER_RUN = UUID(int=1), UUID(int=2)
RELEASE = release_of(RUN)


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
    with pytest.raises(Conflict, match="does not contain this delivery"):
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
    assert release_ref(folder, RELEASE) is None
    for missing in ("0" * 40, "main", ""):
        with pytest.raises(NotFound):
            put_release_ref(folder, missing, RELEASE)
    assert release_ref(folder, RELEASE) is None
    put_release_ref(folder, commit, RELEASE)
    before = fingerprint(folder)
    put_release_ref(folder, commit, RELEASE)
    assert (release_ref(folder, RELEASE), fingerprint(folder)) == (commit, before)
    with pytest.raises(NotFound):
        put_release_ref(tmp_path / "none", commit, RELEASE)


@needs_git
def test_the_release_ref_is_a_tag_for_git_and_is_never_moved(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    commit = build_repository(folder, TWO)
    put_release_ref(folder, commit, RELEASE)
    assert git(folder, "rev-parse", f"{RELEASE}^{{commit}}").strip() == commit
    git(folder, "pack-refs", "--all")
    assert release_ref(folder, RELEASE) == commit
    put_release_ref(folder, commit, RELEASE)
    with pytest.raises(Conflict):
        put_release_ref(folder, git(folder, "rev-parse", "HEAD~1").strip(), RELEASE)
    git(folder, "fsck", "--strict")


@needs_git
def test_releases_of_two_runs_are_fetched_into_one_repository(tmp_path: Path) -> None:
    build_repository(tmp_path / "mine", TWO)
    commits = {}
    for run, content in ((RUN, b"one\n"), (OTHER_RUN, b"two\n")):
        folder = tmp_path / str(run)
        commits[release_of(run)] = commit = build_repository(folder, (plan({"x.py": content}),))
        put_release_ref(folder, commit, release_of(run))
        put_release_ref(folder, commit, "same-name")
    for folder in (tmp_path / str(RUN), tmp_path / str(OTHER_RUN)):
        git(tmp_path / "mine", "fetch", str(folder), "refs/tags/aura-release-*:refs/tags/aura-release-*")
    assert {name: git(tmp_path / "mine", "rev-parse", name).strip() for name in commits} == commits
    # Control: one name for both, as releases had before, is refused by git.
    git(tmp_path / "mine", "fetch", str(tmp_path / str(RUN)), "refs/tags/same-name:refs/tags/same-name")
    with pytest.raises(AssertionError, match="would clobber existing tag"):
        git(tmp_path / "mine", "fetch", str(tmp_path / str(OTHER_RUN)), "refs/tags/same-name:refs/tags/same-name")


BUILDER = """
import sys
from pathlib import Path
from agents.delivery.commit_plan import CommitPlan
from agents.delivery.commits import release_of
from agents.delivery.repository import build_repository
from agents.delivery import git_objects
trees = [{f"d{n % 40}/f{n}.py": b"x = %d" % (n + k) for n in range(800)} for k in range(3)]
plans = [CommitPlan(files=tree, message="more", trailers=(), at_us=0) for tree in trees]
print("begin", flush=True)
print(build_repository(Path(sys.argv[1]), plans), flush=True)
"""


@pytest.mark.slow
@pytest.mark.ci
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
        """Wait until the builder writes. Return False if it has already ended."""
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
