"""The plan of a delivery: its commits, and the base commit below them."""

from collections.abc import Mapping
from pathlib import Path

import msgspec


class CommitPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One commit. `files` is the whole tree after it. On a base it has only the files that differ from the base after
    it.

    A plain mapping writes files, and each file keeps the mode that it has in the base. A tree also has modes, links and
    submodules. `deleted` are paths of the base that no longer exist. `at_us` is its time in microseconds UTC; git
    stores seconds.
    """

    files: Mapping[str, bytes]
    deleted: frozenset[str] = frozenset()
    message: str
    trailers: tuple[tuple[str, str], ...]
    at_us: int


class ProofPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A proof beside the commits: notes on the last commit by name, or the files of a separate branch."""

    notes: Mapping[str, bytes] = {}
    files: Mapping[str, bytes] = {}
    branch: str = ""
    at_us: int = 0


class BaseClone(msgspec.Struct, frozen=True, kw_only=True):
    """The commit to start from: a repository on this machine, which is never written, and a branch, tag or commit id in
    it.
    """

    repo: Path
    ref: str
