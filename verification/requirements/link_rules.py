"""Rules for links in a tree. No link may lead out of the tree. No link of an author may lead to a steering file."""

from collections.abc import Iterable

from domain.tree import Tree
from domain.tree_links import resolved
from verification.requirements.steering import configures
from verification.tree_limits import LINK_CHARS_MAX


def text_fault(path: str, tree: Tree) -> str | None:
    """Return why a link is not allowed in any tree, or None."""
    text = tree.links[path]
    if not text or len(text) > LINK_CHARS_MAX or not text.isprintable():
        return "is a link with an empty, too long or unprintable target"
    if text.startswith("/"):
        return "is a link to an absolute path"
    if resolved(path, tree.links) is None:
        return "is a link that leads out of the tree or into a cycle"
    return None


def new_link_fault(path: str, tree: Tree) -> str | None:
    """Return why an author may not create this link, or None."""
    reached = resolved(path, tree.links) or ""
    below = [other for other in tree.paths() if not reached or other.startswith(f"{reached}/")]
    if not below and reached not in tree:
        return "is a link that leads to nothing in the tree"
    if f"{path}/".startswith(f"{reached}/" if reached else ""):
        return "is a link to a folder that contains it"
    steering = next((other for other in (path, reached, *below) if configures(other)), None)
    if steering is not None:
        return f"is a link {'with the name' if steering == path else 'to'} {steering}, which could influence a verdict"
    if path.endswith(".py") != reached.endswith(".py"):
        return f"is a link to {reached}, but only one of these two names ends in .py"
    return None


def behind_link(pattern: str, tree: Tree) -> str | None:
    """Return the pattern with its link resolved if it begins with a link of the tree; None if it does not."""
    parts = pattern.split("/")
    plain = next((index for index, part in enumerate(parts) if set(part) & {"*", "?"}), len(parts))
    known = "/".join(parts[:plain])
    reached = resolved(known, tree.links)
    if reached is None or reached == known:
        return None
    return "/".join([*([reached] if reached else []), *parts[plain:]])


def link_faults(tree: Tree, changed: Iterable[str]) -> list[tuple[str, str]]:
    """Return the path and the fault of each link that is not allowed. `changed`: the paths that the author wrote."""
    written = frozenset(changed)
    faults: list[tuple[str, str]] = []
    for path in sorted(tree.links):
        fault = text_fault(path, tree)
        if fault is None and path in written:
            fault = new_link_fault(path, tree)
        if fault is not None:
            faults.append((path, fault))
    return faults
