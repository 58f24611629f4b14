"""The plan of a delivery: its commits, and the base commit on which they build."""

from collections.abc import Mapping
from pathlib import Path

import msgspec


class CommitPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One commit. `files` is the whole tree after the commit. On a base, `files` has only the files that differ from
    the base.

    If `files` is a plain mapping, each file keeps its mode from the base. A `Tree` also has modes, links and
    submodules. `deleted`: paths of the base that no longer exist. `at_us`: time of the commit in microseconds UTC. Git
    stores only seconds.
    """

    files: Mapping[str, bytes]
    deleted: frozenset[str] = frozenset()
    message: str
    trailers: tuple[tuple[str, str], ...]
    at_us: int


class ProofPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A proof that is not part of the commits: notes on the last commit, by name, or the files of a separate branch."""

    notes: Mapping[str, bytes] = {}
    files: Mapping[str, bytes] = {}
    branch: str = ""
    at_us: int = 0


class BaseClone(msgspec.Struct, frozen=True, kw_only=True):
    """The commit to start from. `repo`: a repository on this machine that is only read. `ref`: a branch, a tag or a
    commit id of this repository.
    """

    repo: Path
    ref: str
