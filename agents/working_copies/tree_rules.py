"""Rules for the entries of a tree that comes in a pack. Each rule returns the problem as the end of a sentence."""

from collections.abc import Mapping
from functools import lru_cache

from agents.delivery.git_objects import checked_path
from agents.working_copies.pack_limits import NAME_BYTES_MAX
from domain.errors import Invalid
from domain.tree import DELETED, Entry, Manifest, overlay
from domain.tree_links import resolved
from verification.requirements.scope import path_fault
from verification.tree_limits import FOLDERS_DEPTH_MAX, LINK_CHARS_MAX

LINKS_TRIED_MAX = 50
"""Maximum number of changed links of which each is tried alone, to find the one that breaks another link."""
_HEX = frozenset("0123456789abcdef")


class PackRefused(Invalid):
    """A pack that breaks a rule of its format or of its tree."""

    kind = "pack_refused"


def refused(problem: str) -> PackRefused:
    """Return the error for a pack."""
    return PackRefused(
        f"The pack cannot be used: {problem}.",
        hint="A pack of the manager never has this problem. Find out who made it; `aura status` shows the processes.",
    )


@lru_cache(maxsize=20_000)
def path_problem(path: str) -> str | None:
    """Return why a text is not a plain path below the tree's root, or None. Names of folders come again and again."""
    if (fault := path_fault(path)) is not None:
        return f"the path {path[:120]!r} {fault}"
    parts = path.split("/")
    if len(parts) - 1 > FOLDERS_DEPTH_MAX:
        return f"{path[:120]!r} is nested deeper than {FOLDERS_DEPTH_MAX} folders"
    if any(len(part.encode()) > NAME_BYTES_MAX for part in parts):
        return f"{path[:120]!r} contains a name longer than {NAME_BYTES_MAX} bytes"
    try:
        checked_path(path)
    except Invalid as error:
        return error.message.rstrip(".")
    return None


def link_problem(path: str, links: Mapping[str, str]) -> str | None:
    """Return why a link is never allowed, or None. `links`: all links of the tree."""
    text = links[path]
    if not text or len(text) > LINK_CHARS_MAX or not text.isprintable():
        return f"the link {path} has an empty, too long or unprintable target"
    if text.startswith("/"):
        return f"the link {path} has an absolute target"
    if resolved(path, links) is None:
        return f"the link {path} leads out of the tree or into a cycle"
    return None


class Names:
    """The paths of one tree, without regard to case: not every file system can hold two names that differ only in it.

    A path cannot be an entry and the folder of another entry.
    """

    def __init__(self) -> None:
        self._leaves: dict[str, str] = {}
        self._folders: dict[str, str] = {}

    def add(self, path: str) -> str | None:
        """Add a path. If it does not fit the others, return the problem and add nothing."""
        key = path.casefold()
        if key in self._leaves:
            return f"{self._leaves[key]} and {path} differ only in case"
        if key in self._folders:
            return f"{path} is an entry and also the folder of another entry"
        folders = [path[:at] for at, sign in enumerate(path) if sign == "/"]
        for folder in folders:
            key_of_folder = folder.casefold()
            if key_of_folder in self._leaves:
                return f"{self._leaves[key_of_folder]} is an entry and also the folder of another entry"
            if self._folders.get(key_of_folder, folder) != folder:
                return f"the folders {self._folders[key_of_folder]} and {folder} differ only in case"
        self._folders |= {folder.casefold(): folder for folder in folders}
        self._leaves[key] = path
        return None


def check_tree(manifest: Manifest) -> None:
    """Refuse entries that cannot be in one tree, or that lead out of it. Raises PackRefused."""
    present = {path: entry for path, entry in manifest.items() if entry.kind != "deleted"}
    links = {path: entry.target for path, entry in present.items() if entry.kind == "link"}
    names = Names()
    for path, entry in present.items():
        problem = names.add(path) or (link_problem(path, links) if path in links else None)
        if entry.kind == "submodule" and (len(entry.target) != 40 or set(entry.target) - _HEX):
            problem = f"the submodule {path} has no commit id"
        if problem is not None:
            raise refused(problem)


def without_problems(before: Manifest, difference: Manifest) -> tuple[dict[str, Entry], dict[str, str]]:
    """Return the part of a session's difference that can be in a tree, and each other path with its problem.

    A left out entry counts as unchanged. `before`: the initial manifest, which has no problem.
    """
    problems = {path: problem for path in difference if (problem := path_problem(path)) is not None}
    kept = {path: entry for path, entry in difference.items() if path not in problems}
    names = Names()
    for path in before:
        if kept.get(path) != DELETED:
            names.add(path)
    for path, entry in sorted(kept.items()):
        if entry != DELETED and path not in before and (problem := names.add(path)) is not None:
            problems[path] = problem
            del kept[path]
    while faults := _link_faults(before, kept):
        problems |= faults
        kept = {path: entry for path, entry in kept.items() if path not in faults}
    return kept, problems


def _link_faults(before: Manifest, difference: Manifest) -> dict[str, str]:
    """Return the problems of the links of a difference, on top of the initial tree.

    A changed link can make another link lead out of the tree. Then the changed link is at fault; if it is not known
    which one it is, all of them are.
    """
    faults = _faults_after(before, difference)
    own = {path: problem for path, problem in faults.items() if path in difference}
    if own or not faults:
        return own
    problem = next(iter(faults.values()))
    changed = [path for path, entry in difference.items() if "link" in (entry.kind, before.get(path, DELETED).kind)]
    for path in changed[:LINKS_TRIED_MAX]:
        if not _faults_after(before, {other: entry for other, entry in difference.items() if other != path}):
            return {path: problem}
    return dict.fromkeys(changed, problem)


def _faults_after(before: Manifest, difference: Manifest) -> dict[str, str]:
    """Return each link with a problem, and the problem, after the difference is applied."""
    after = overlay(before, difference)
    links = {path: entry.target for path, entry in after.items() if entry.kind == "link"}
    return {path: problem for path in links if (problem := link_problem(path, links)) is not None}
