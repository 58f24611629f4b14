"""The version of a commit according to the repository's tags, as packaging tools compute it from git."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dulwich.repo import Repo

COMMITS_MAX = 20_000
"""Maximum number of commits that are searched for the nearest tag."""
_VERSION = re.compile(r"(?:[A-Za-z_-]*[-_])?v?(\d+(?:\.\d+)*(?:[.-]?(?:a|b|rc|post|dev)\.?\d*)?)$")


def describe(path: Path, commit: str) -> str:
    """Return the version of the nearest tag of a commit or of its ancestors; empty if there is no such tag.

    A commit after the tag 1.2.0 gets the version 1.2.1.dev0, as from setuptools-scm and similar tools. The number of
    commits since the tag is not part of the version.
    """
    from dulwich.repo import Repo

    with Repo(str(path)) as repo:
        tags = _versions(repo)
        waiting, seen = [commit.encode()], {commit.encode()}
        for _ in range(COMMITS_MAX):
            if not waiting:
                return ""
            here = waiting.pop(0)
            if here in tags:
                return tags[here] if here == commit.encode() else _next(tags[here])
            try:
                parents = repo[here].parents  # type: ignore[attr-defined]  # a tag may name a tree, which has no parents
            except (KeyError, AttributeError):
                continue  # a shallow clone ends here
            waiting += [parent for parent in parents if parent not in seen]
            seen.update(parents)
    return ""


def _versions(repo: "Repo") -> dict[bytes, str]:
    """Return commit id -> version, for each tag that looks like a version."""
    versions: dict[bytes, str] = {}
    for ref in repo.get_refs():
        name = ref.decode("utf-8", "replace")
        if name.startswith("refs/tags/") and (match := _VERSION.match(name.removeprefix("refs/tags/"))):
            try:
                versions[repo.get_peeled(ref)] = match[1]
            except KeyError:
                continue
    return versions


def _next(version: str) -> str:
    """Return the development version that follows a release."""
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    parts = (numbers[0] if numbers else "0").split(".")
    parts[-1] = str(int(parts[-1]) + 1)
    return f"{'.'.join(parts)}.dev0"
