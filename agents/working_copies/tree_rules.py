"""Rules for the entries of a tree that comes in a pack. A pack that breaks a rule is refused, and the path is named."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from agents.delivery.git_objects import checked_path
from agents.working_copies.pack_limits import NAME_BYTES_MAX
from domain.errors import Invalid
from domain.tree import Manifest
from domain.tree_links import resolved
from verification.requirements.scope import path_fault
from verification.tree_limits import FOLDERS_DEPTH_MAX, LINK_CHARS_MAX

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


def check_path(path: str) -> None:
    """Refuse a path that is not a plain path below the tree's root. Raises PackRefused."""
    if (fault := path_fault(path)) is not None:
        raise refused(f"the path {path[:120]!r} {fault}")
    parts = path.split("/")
    if len(parts) - 1 > FOLDERS_DEPTH_MAX:
        raise refused(f"{path[:120]!r} is nested deeper than {FOLDERS_DEPTH_MAX} folders")
    if any(len(part.encode()) > NAME_BYTES_MAX for part in parts):
        raise refused(f"{path[:120]!r} contains a name longer than {NAME_BYTES_MAX} bytes")
    try:
        checked_path(path)
    except Invalid as error:
        raise refused(error.message.rstrip(".")) from error


@lru_cache(maxsize=20_000)
def check_name(name: str) -> None:
    """Refuse a name that cannot be one part of a path. Raises PackRefused. The same names come again and again."""
    check_path(name)


def check_tree(manifest: Manifest) -> None:
    """Refuse entries that cannot be in one tree, or that lead out of it. Raises PackRefused.

    Paths that differ only in case are refused, too: not every file system can hold both.
    """
    present = {path: entry for path, entry in manifest.items() if entry.kind != "deleted"}
    _check_names(present)
    for path, entry in present.items():
        if entry.kind == "submodule" and (len(entry.target) != 40 or set(entry.target) - _HEX):
            raise refused(f"the submodule {path} has no commit id")
    _check_links({path: entry.target for path, entry in present.items() if entry.kind == "link"})


def _check_names(paths: Iterable[str]) -> None:
    leaves: dict[str, str] = {}
    folders: dict[str, str] = {}
    for path in paths:
        key = path.casefold()
        if key in leaves:
            raise refused(f"{leaves[key]} and {path} differ only in case")
        leaves[key] = path
        for at, sign in enumerate(path):
            if sign == "/":
                folder = path[:at]
                if folders.setdefault(folder.casefold(), folder) != folder:
                    raise refused(f"the folders {folders[folder.casefold()]} and {folder} differ only in case")
    for key, path in leaves.items():
        if key in folders:
            raise refused(f"{path} is an entry and also the folder of another entry")


def _check_links(links: Mapping[str, str]) -> None:
    for path, text in links.items():
        if not text or len(text) > LINK_CHARS_MAX or not text.isprintable():
            raise refused(f"the link {path} has an empty, too long or unprintable target")
        if text.startswith("/"):
            raise refused(f"the link {path} has an absolute target")
        if resolved(path, links) is None:
            raise refused(f"the link {path} leads out of the tree or into a cycle")
