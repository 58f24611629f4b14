"""The part of a session's difference that is handed in: the changes in scope that can be part of a tree."""

from collections.abc import Mapping

import msgspec

from agents.working_copies.tree_rules import without_problems
from domain.tree import DELETED, Entry, Manifest, Tree
from verification.requirements.scope import in_scope, path_fault
from verification.requirements.steering import steering_reason
from verification.sandbox.tree_difference import CONTROL, TreeDifference
from verification.working_tree.left_out import matcher


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """The work of a session, and everything that is not part of it.

    `manifest` is the difference that is handed in: it is in scope and free of problems. `tree` contains its added and
    changed files and links. `after` is the initial tree with this difference. An entry that is not handed in counts as
    unchanged.
    """

    manifest: dict[str, Entry]
    tree: Tree
    after: Tree
    dropped: tuple[str, ...] = ()  # changed paths outside the scope
    influencing: tuple[str, ...] = ()  # those of them that could influence a verdict
    problems: dict[str, str] = {}  # path -> why its entry cannot be part of a tree
    refused: tuple[str, ...] = ()  # entries that could not be read, with reasons, such as pipes
    left_out: tuple[str, ...] = ()  # new entries that are never work, such as caches; folders end with a slash
    binary: tuple[str, ...] = ()  # paths of `tree` that are not text


def without_control(initial: Tree) -> Tree:
    """Return the initial tree without its git history, which is never part of the work."""
    if not any(CONTROL in path.split("/") for path in initial):
        return initial
    return initial.kept(lambda path: CONTROL not in path.split("/"))


def handed(
    initial: Tree,
    difference: TreeDifference,
    scope: tuple[str, ...],
    *,
    of_program: tuple[str, ...] = (),
    given: Mapping[str, bytes] = {},
) -> Handed:
    """Return what is handed in of a session's difference from its initial tree.

    `given`: tests of the requirement. A copy of them in the project counts as unchanged.
    `of_program`: patterns of the files that an agent's program writes by itself. If it changes such a file outside the
    scope, this does not count as influence.
    """
    before = without_control(initial)
    changed = {
        path: entry
        for path, entry in difference.manifest().items()
        if path not in given or difference.tree.get(path) != given[path]
    }
    wanted = {path: entry for path, entry in changed.items() if path_fault(path) is not None or in_scope(path, scope)}
    kept, problems = without_problems(before.manifest(), wanted)
    dropped = tuple(path for path in changed if path not in wanted)
    by_itself = matcher(of_program)
    tree = difference.tree.kept(lambda path: path in kept)
    return Handed(
        manifest=kept,
        tree=tree,
        after=applied(before, kept, tree),
        dropped=dropped,
        influencing=tuple(
            path for path in dropped if _influence(path, difference.tree, before) and not by_itself(path, False)
        ),
        problems=problems,
        refused=difference.refused,
        left_out=difference.left_out,
        binary=tuple(path for path in difference.binary if path in kept),
    )


def applied(before: Tree, difference: Manifest, tree: Tree) -> Tree:
    """Return a tree with a difference. `tree`: the added and changed entries of the difference."""
    gone = {path for path, entry in difference.items() if entry == DELETED}
    return (before.kept(lambda path: path not in gone) if gone else before).with_tree(tree)


def _influence(path: str, tree: Tree, before: Tree) -> str:
    """Return how a changed path could influence a verdict; empty if it could not. It is the rule of the write set."""
    return steering_reason(path, _content(path, tree), _content(path, before))


def _content(path: str, tree: Tree) -> bytes | None:
    """Return the content at a path. For a link, this is its text."""
    return tree.links[path].encode() if path in tree.links else tree.get(path)
