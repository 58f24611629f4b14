"""The base of a branch: the commit to compare the branch with. The search does not use the program git."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import Invalid, NotFound

if TYPE_CHECKING:
    from dulwich.repo import Repo

DEFAULT_BRANCHES = (
    "refs/remotes/origin/HEAD",
    "refs/remotes/origin/main",
    "refs/remotes/origin/master",
    "refs/heads/main",
    "refs/heads/master",
)
"""Names of the default branch, in the order in which they are tried."""


def default_branch(repo: str) -> str:
    """Return the ref of a repository's default branch. Raises Invalid if there is none."""
    with _open(repo) as opened:
        for name in DEFAULT_BRANCHES:
            if _read(opened, name) is not None:
                return name
    raise Invalid(
        f"{repo} has no default branch to compare with.",
        hint="Name the commit that the work started from: --base-ref REF, or base: in the requirement.",
    )


def knows_commit(repo: str, commit: str) -> bool:
    """Return whether a repository contains a commit."""
    with _open(repo) as opened:
        return commit.encode() in opened


def merge_base(repo: str, head: str, other: str) -> str:
    """Return the last commit that two commits have in common. Raises NotFound if they have none in this repository."""
    from dulwich.graph import find_merge_base
    from dulwich.objects import ObjectID

    with _open(repo) as opened:
        try:
            common = find_merge_base(opened, [ObjectID(head.encode()), ObjectID(other.encode())])
        except KeyError:
            common = []
    if not common:
        raise NotFound(
            f"{head[:12]} and {other[:12]} have no commit in common in {repo}.",
            hint="Complete the clone: git fetch --unshallow, or fetch-depth: 0 in GitHub Actions. "
            "If --base-ref names another history, correct it.",
        )
    return sorted(common)[0].decode()


def _open(repo: str) -> "Repo":
    from dulwich.errors import NotGitRepository
    from dulwich.repo import Repo

    path = Path(os.path.expanduser(repo))
    try:
        return Repo(str(path))
    except (NotGitRepository, OSError, ValueError) as error:
        raise NotFound(f"There is no git repository at {path}.", hint="Name a clone: --repo PATH.") from error


def _read(repo: "Repo", name: str) -> bytes | None:
    from dulwich.refs import Ref

    try:
        return repo.refs[Ref(name.encode())]
    except KeyError:
        return None
