"""The service of `aura diff`: the changes of a run, as a unified diff in git's format."""

import difflib
from collections.abc import Iterable, Iterator

import msgspec

from agents.run_content import Library, tree_of
from bus.blobs import Blobs
from domain.errors import NotFound
from domain.run import RunState, files_of
from domain.tree import Entry, Manifest, Tree

_MODES = {"file": "100644", "executable": "100755", "link": "120000", "submodule": "160000"}
GONE = Entry(kind="deleted")


class Change(msgspec.Struct, frozen=True):
    """One changed path. `what`: added, changed or deleted. `kind`: file, executable, link or submodule."""

    path: str
    what: str
    kind: str


async def diff_of(state: RunState, blobs: Blobs) -> tuple[list[Change], str]:
    """Return each changed path of a run, and the diff. Raises NotFound if nothing is verified yet."""
    if state.submitted is None:
        raise NotFound("The event of this run's submission is not on record.", hint="It may have been purged.")
    difference = files_of(state)
    if not difference:
        raise NotFound("No work of this run is verified yet.", hint=f"Follow it with: aura watch {state.submitted.run}")
    return await diff_between(await Library(blobs).base_manifest(state.submitted), difference, blobs)


async def diff_between(base: Manifest, difference: Manifest, blobs: Blobs) -> tuple[list[Change], str]:
    """Return each path that a difference changes in a tree, and the diff in git's format."""
    before = {path: base[path] for path in difference if path in base}
    old, new = await tree_of(before, blobs), await tree_of(difference, blobs)
    changes: list[Change] = []
    lines: list[str] = []
    for path, entry in difference.items():
        was = before.get(path, GONE)
        if was != entry:
            changes.append(Change(path, _what(was, entry), (entry if entry != GONE else was).kind))
            lines += _file_diff(path, was, entry, old, new)
    return changes, "".join(lines)


def _what(was: Entry, entry: Entry) -> str:
    if was == GONE:
        return "added"
    return "deleted" if entry == GONE else "changed"


def _file_diff(path: str, was: Entry, entry: Entry, old: Tree, new: Tree) -> Iterator[str]:
    """Yield the lines of one file's diff in git's format. `git apply` accepts the changes of text files."""
    yield f"diff --git a/{path} b/{path}\n"
    if was == GONE:
        yield f"new file mode {_MODES[entry.kind]}\n"
    elif entry == GONE:
        yield f"deleted file mode {_MODES[was.kind]}\n"
    elif was.kind != entry.kind:
        yield f"old mode {_MODES[was.kind]}\nnew mode {_MODES[entry.kind]}\n"
    before, after = _text(path, was, old), _text(path, entry, new)
    if before == after:
        return
    names = f"a/{path}" if was != GONE else "/dev/null", f"b/{path}" if entry != GONE else "/dev/null"
    if b"\0" in before + after:
        yield f"Binary files {names[0]} and {names[1]} differ\n"
        return
    left, right = (text.decode("utf-8", "replace").splitlines(keepends=True) for text in (before, after))
    yield from _ended(difflib.unified_diff(left, right, *names))


def _text(path: str, entry: Entry, tree: Tree) -> bytes:
    if entry.kind == "link":
        return entry.target.encode()
    if entry.kind == "submodule":
        return f"Subproject commit {entry.target}\n".encode()
    return tree.get(path, b"")


def _ended(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
