"""The plan of a delivery: its commits, and the base that they stand on."""

from collections.abc import Mapping
from pathlib import Path

import msgspec


class CommitPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One commit. `files` is the whole tree after it, or, on a base, all that differs from the base after it.

    A plain mapping writes files, and each keeps the mode that it has in the base; a tree says modes, links and
    submodules as well. `deleted` are paths of the base that are gone. `at_us` is its time in microseconds UTC; git
    keeps seconds.
    """

    files: Mapping[str, bytes]
    deleted: frozenset[str] = frozenset()
    message: str
    trailers: tuple[tuple[str, str], ...]
    at_us: int


class ProofPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A proof beside the commits: notes on the last one by name, or the files of a branch of its own."""

    notes: Mapping[str, bytes] = {}
    files: Mapping[str, bytes] = {}
    branch: str = ""
    at_us: int = 0


class BaseClone(msgspec.Struct, frozen=True, kw_only=True):
    """The commit to start from: a repository on this machine, never written, and a branch, tag or commit id in it."""

    repo: Path
    ref: str
