"""Search for commits of a repository that change code and tests. It needs no checkout."""

import ast
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from domain.errors import NotFound
from domain.tree import Tree
from verification.requirements.steering import steers
from verification.suites.clean_tree import belongs_to_tests
from verification.suites.pytest_options import PytestOptions

if TYPE_CHECKING:
    from dulwich.objects import Commit
    from dulwich.repo import Repo

SCANNED_MAX = 5_000
"""Maximum number of commits that are searched."""
SUBJECT_CHARS_MAX = 72
_CODE = ".py"
_OF_A_MERGE = ("Merge pull request ", "Merge branch ", "Merge remote-tracking branch ")
"""Beginnings of a first line that git or a server writes by itself."""
_NOT_CODE = ("setup.py", "noxfile.py", "conf.py", "tasks.py")


class FixCommit(msgspec.Struct, frozen=True, kw_only=True):
    """A commit and its message. `id` and `parent`, the id of its first parent, are in hex."""

    id: str
    parent: str
    message: str
    changed: tuple[str, ...]  # paths that differ between the parent and this commit

    @property
    def subject(self) -> str:
        """The first line of the message. Of a merge, it is the first line that a person wrote."""
        lines = [line.strip() for line in self.message.splitlines() if line.strip()]
        written = [line for line in lines if not line.startswith(_OF_A_MERGE)]
        return (written or lines or [""])[0][:SUBJECT_CHARS_MAX]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """The paths that differ between two trees. Helpers and configuration of tests count as tests."""

    code: tuple[str, ...]
    tests: tuple[str, ...]


def fix_commits(repo: Path, branch: str | None, last: int) -> list[FixCommit]:
    """Return the newest commits of a branch that change code and tests, newest first.

    A merge is compared with its first parent. `branch` is a name, or None for the repository's HEAD. Raises NotFound if
    the repository or branch does not exist, or if there is no such commit.
    """
    from dulwich.errors import NotGitRepository
    from dulwich.repo import Repo

    try:
        opened = Repo(str(repo))
    except (NotGitRepository, OSError) as error:
        raise NotFound(f"There is no git repository at {repo}.", hint="Name a clone: --repo PATH.") from error
    fixes: list[FixCommit] = []
    with contextlib.closing(opened):
        for commit, parent in _first_parents(opened, _head(opened, branch, repo)):
            changed = _changed(opened, parent, commit)
            if any(_is_code(path) for path in changed) and any(_is_test(path) for path in changed):
                fixes.append(
                    FixCommit(
                        id=commit.id.decode(),
                        parent=parent.id.decode(),
                        message=commit.message.decode("utf-8", "replace"),
                        changed=tuple(changed),
                    )
                )
            if len(fixes) == last:
                break
    if not fixes:
        raise NotFound(
            f"No commit of {repo} changes both code and tests.",
            hint="Name another branch with --branch, or fetch the history: git fetch --unshallow.",
        )
    return fixes


def change_between(before: Tree, after: Tree, options: PytestOptions) -> Change:
    """Return the changed paths between two trees, split into code and tests."""
    changed = after.changed_from(before)
    tests = {path for path in changed if belongs_to_tests(path) or steers(path) or options.is_test_file(path)}
    return Change(code=tuple(path for path in changed if path not in tests), tests=tuple(sorted(tests)))


def applied(before: Tree, after: Tree, paths: tuple[str, ...]) -> Tree:
    """Return the tree `before`, but with the entries of `after` at these paths."""
    later = frozenset(paths)
    return before.kept(lambda path: path not in later).with_tree(after.kept(lambda path: path in later))


def _head(repo: "Repo", branch: str | None, path: Path) -> bytes:
    names = (
        [b"HEAD"]
        if branch is None
        else [f"refs/{kind}/{branch}".encode() for kind in ("heads", "remotes/origin", "tags")]
    )
    for name in names:
        with contextlib.suppress(KeyError):
            return bytes(repo.refs[name])  # type: ignore[index]  # dulwich's type stubs require a special type
    if branch is not None and len(branch) == 40 and not set(branch) - set("0123456789abcdef"):
        return branch.encode()
    raise NotFound(f"{path} has no branch {branch or 'HEAD'}.", hint="Name a branch of the repository: --branch NAME.")


def _first_parents(repo: "Repo", head: bytes) -> Iterator[tuple["Commit", "Commit"]]:
    from dulwich.objects import Commit, ObjectID

    commit = repo[ObjectID(head)]
    for _ in range(SCANNED_MAX):
        if not isinstance(commit, Commit) or not commit.parents:
            return
        try:
            parent = repo[commit.parents[0]]
        except KeyError:
            return  # a shallow clone ends here
        if not isinstance(parent, Commit):
            return
        yield commit, parent
        commit = parent


def _changed(repo: "Repo", before: "Commit", after: "Commit") -> list[str]:
    """Return the paths that differ, without Python files in which only comments and layout differ."""
    from dulwich.diff_tree import tree_changes

    paths: set[str] = set()
    for change in tree_changes(repo.object_store, before.tree, after.tree):
        if change.old is not None and change.new is not None and _means_the_same(repo, change.old.sha, change.new.sha):
            continue
        for side in (change.old, change.new):
            if side is not None and side.path:
                paths.add(side.path.decode("utf-8", "replace"))
    return sorted(paths)


def _means_the_same(repo: "Repo", before: bytes | None, after: bytes | None) -> bool:
    """Return whether two versions of a file are the same program, so that only comments and layout differ."""
    from dulwich.objects import Blob, ObjectID

    programs = []
    for digest in (before, after):
        try:
            blob = repo[ObjectID(digest or b"")]
        except (KeyError, ValueError):  # the object belongs to a submodule, or is missing in a shallow clone
            return False
        if not isinstance(blob, Blob):
            return False
        try:
            programs.append(ast.dump(ast.parse(blob.as_raw_string())))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return programs[0] == programs[1]


def _is_code(path: str) -> bool:
    name = path.rpartition("/")[2]
    return path.endswith(_CODE) and not _is_test(path) and name not in _NOT_CODE and not path.startswith("docs/")


def _is_test(path: str) -> bool:
    name = path.rpartition("/")[2]
    return path.endswith(_CODE) and (belongs_to_tests(path) or name.startswith("test_") or name.endswith("_test.py"))
