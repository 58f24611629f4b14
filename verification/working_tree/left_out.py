"""The rule for the untracked entries of a session's working copy that are not handed in."""

from collections.abc import Callable

from domain.tree import Tree
from verification.working_tree.by_products import is_by_product, is_leftover
from verification.working_tree.ignore_rules import FILE, IgnoreRules


def left_out_rule(base: Tree, scope: tuple[str, ...], extra: tuple[str, ...] = ()) -> Callable[[str, bool], bool]:
    """Return a function for `SessionBox.difference`.

    It leaves out what a judged folder leaves out: what the base's own ignore files ignore, and what tools create. It
    also leaves out the leftovers of editors, and what the patterns in `extra` match (lines of an ignore file at the
    root). Ignore files that the session wrote do not count.
    """
    hides = (IgnoreRules(base).hides, matcher(extra))

    def leaves_out(path: str, is_folder: bool) -> bool:
        return any(hide(path, is_folder) for hide in hides) or is_by_product(path, scope) or is_leftover(path)

    return leaves_out


def matcher(patterns: tuple[str, ...]) -> Callable[[str, bool], bool]:
    """Return a function that tells whether patterns match a path or a folder above it.

    Patterns are lines of an ignore file at the root. The function gets a path, and whether it is a folder.
    """
    return IgnoreRules({FILE: "\n".join(patterns).encode()}).hides
