"""The rule which untracked entries of a session's working copy are not handed in. It is the rule of a judged folder."""

from collections.abc import Callable

from domain.tree import Tree
from verification.requirements.scope import in_scope
from verification.working_tree.by_products import is_by_product
from verification.working_tree.ignore_rules import IgnoreRules


def left_out_rule(base: Tree, scope: tuple[str, ...]) -> Callable[[str, bool], bool]:
    """Return a function for `SessionBox.difference`.

    It leaves out what the base's own ignore files ignore, and what tools create. Ignore files that the session wrote do
    not count.
    """
    rules = IgnoreRules(base)
    hidden: dict[str, bool] = {"": False}

    def is_hidden(folder: str) -> bool:
        """Return whether a folder, or a folder above it, is ignored. Tracked folders may be ignored, too."""
        if folder not in hidden:
            above = folder.rpartition("/")[0]
            hidden[folder] = is_hidden(above) or rules.ignores(folder, is_folder=True)
        return hidden[folder]

    def leaves_out(path: str, is_folder: bool) -> bool:
        writable = in_scope(path, scope) or in_scope(f"{path}/x", scope)
        return (
            is_hidden(path.rpartition("/")[0])
            or rules.ignores(path, is_folder=is_folder)
            or is_by_product(path, may_be_written=writable)
        )

    return leaves_out
