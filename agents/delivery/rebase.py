"""A run's work on a new base commit: changes that still fit, merged files, and conflicts."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from agents.delivery.three_way import merged
from domain.tree import Entry, Kind, Manifest, Tree, digest_of, overlay


class Rebased(NamedTuple):
    """The result of a rebase. `conflicts`: task -> paths. `files`: task -> entries that were merged with the base's
    changes. `contents`: the bytes of these files. `nothing_left`: the new base already has all of the work.
    """

    conflicts: dict[UUID, tuple[str, ...]]
    files: dict[UUID, dict[str, Entry]]
    contents: tuple[bytes, ...]
    nothing_left: bool


class _Merged(NamedTuple):
    """A merged file. Both the work and the base had changed it."""

    kind: Kind
    content: bytes


def rebased(before: Tree, now: Tree, work: Mapping[UUID, Manifest], contents: Mapping[str, bytes]) -> Rebased:
    """Apply the work of tasks to `now` instead of `before`. The tasks are in the order of the plan.

    `contents`: digest -> content of the files of `work`.
    """
    conflicts: dict[UUID, tuple[str, ...]] = {}
    files: dict[UUID, dict[str, Entry]] = {}
    made: dict[str, bytes] = {}
    manifests = before.manifest(), now.manifest()
    for task, difference in work.items():
        against: list[str] = []
        for path, entry in difference.items():
            outcome = _placed(path, entry, before, now, manifests, contents)
            if outcome is None:
                against.append(path)
            elif isinstance(outcome, _Merged):
                digest = digest_of(outcome.content)
                made[digest] = outcome.content
                files.setdefault(task, {})[path] = Entry(kind=outcome.kind, digest=digest)
        against += _in_the_way(difference, manifests[1])
        if against:
            conflicts[task] = tuple(dict.fromkeys(against))
    whole = overlay(manifests[1], {path: entry for each in work.values() for path, entry in each.items()})
    return Rebased(conflicts, files, tuple(made.values()), nothing_left=not conflicts and whole == manifests[1])


def _placed(
    path: str,
    entry: Entry,
    before: Tree,
    now: Tree,
    manifests: tuple[Mapping[str, Entry], Mapping[str, Entry]],
    contents: Mapping[str, bytes],
) -> "_Merged | Entry | None":
    """Return the entry itself if it fits, a merged file if both sides changed it, or None for a conflict."""
    was, present = (manifest.get(path, Entry(kind="deleted")) for manifest in manifests)
    if present in (was, entry):
        return entry
    if not (entry.is_file and was.is_file and present.is_file):
        return None
    content = merged(before[path], contents[entry.digest], now[path])
    return None if content is None else _Merged(present.kind if entry.kind == was.kind else entry.kind, content)


def _in_the_way(difference: Manifest, now: Manifest) -> list[str]:
    """Return the paths of the work that are below a file of the base, or at a path where the base has a folder."""
    folders = {path[:end] for path in now for end, char in enumerate(path) if char == "/"}
    left = {path for path in now if path not in difference or difference[path].kind != "deleted"}
    blocked: list[str] = []
    for path, entry in difference.items():
        above = {path[:end] for end, char in enumerate(path) if char == "/"}
        if entry.kind != "deleted" and (above & left or path in folders):
            blocked.append(path)
    return blocked
