"""The start of a branch: the commit that it is compared with, found in a repository without running git."""

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
"""Where the default branch is looked for, in this order."""


def default_branch(repo: str) -> str:
    """The ref of the default branch of a repository. Raises Invalid when there is none."""
    with _open(repo) as opened:
        for name in DEFAULT_BRANCHES:
            if _read(opened, name) is not None:
                return name
    raise Invalid(
        f"{repo} has no default branch to compare with.",
        hint="Name the commit that the work started from: --base-ref REF, or base: in the requirement.",
    )


def knows_commit(repo: str, commit: str) -> bool:
    """Whether a repository holds a commit."""
    with _open(repo) as opened:
        return commit.encode() in opened


def merge_base(repo: str, head: str, other: str) -> str:
    """The last commit that two commits have in common. Raises NotFound when nothing is known of one."""
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
            hint="The clone is not complete (git fetch --unshallow; in GitHub Actions fetch-depth: 0), "
            "or --base-ref names another history.",
        )
    return sorted(common)[0].decode()


def _open(repo: str) -> "Repo":
    from dulwich.errors import NotGitRepository
    from dulwich.repo import Repo

    path = Path(os.path.expanduser(repo))
    try:
        return Repo(str(path))
    except (NotGitRepository, OSError, ValueError) as error:
        raise NotFound(f"There is no git repository at {path}.", hint="Write the path of a clone as --repo.") from error


def _read(repo: "Repo", name: str) -> bytes | None:
    from dulwich.refs import Ref

    try:
        return repo.refs[Ref(name.encode())]
    except KeyError:
        return None
