"""The code of a run, line by line: the base beside the result, and the work to which each line belongs."""

import asyncio
import difflib
from collections.abc import Sequence
from uuid import UUID

import msgspec

from agents.run_content import Library, tree_of
from bus.blobs import Blobs
from bus.store import FAR, Store
from director.services.changes import GONE, Change, diff_of
from director.services.run_at import names_until
from director.services.session import run_state
from domain import task
from domain.errors import NotFound
from domain.run import files_of
from domain.tree import Manifest

FILE_BYTES_MAX, FILE_LINES_MAX = 300_000, 5_000
"""Larger files are not shown: the comparison of two versions takes the square of their lines."""
NEAR_LINES = 4
"""The unchanged lines that are shown around a change."""


class LineSource(msgspec.Struct, frozen=True, kw_only=True):
    """The verified work that a line comes from. `seq`: the event of the verdict."""

    employee: str
    task: str
    attempt: int
    seq: int


class CodeLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a file. `kind`: same, added, removed or gap. Numbers are of the base and of the result; 0: none.

    `source` None: the line comes from the base, or is removed.
    """

    kind: str
    old: int = 0
    new: int = 0
    text: str = ""
    source: LineSource | None = None


class CodeFile(msgspec.Struct, frozen=True, kw_only=True):
    """One changed file. `note`: why its lines are not shown; empty if they are."""

    path: str
    lines: list[CodeLine]
    note: str = ""


class RunCode(msgspec.Struct, frozen=True, kw_only=True):
    """The changed files of a run, and the lines of one of them. `note`: why there are none."""

    changes: list[Change]
    shown: CodeFile | None
    note: str = ""


async def run_code(store: Store, blobs: Blobs, run: UUID, path: str = "", up_to: int | None = None) -> RunCode:
    """Return the changed files of a run as of an event. `path`: the file to show; empty: the first one.

    Raises NotFound for a path that is not changed.
    """
    last = FAR if up_to is None else up_to
    state = await run_state(store, run, last)
    try:
        changes, _ = await diff_of(state, blobs)
        assert state.submitted is not None
        base = await Library(blobs).base_manifest(state.submitted)
    except NotFound as error:
        return RunCode(changes=[], shown=None, note=error.message)
    if not changes:
        return RunCode(changes=[], shown=None, note="The verified work changes no file.")
    wanted = path or changes[0].path
    if wanted not in {change.path for change in changes}:
        raise NotFound(f"The run does not change {wanted[:200]!r}.", hint="Choose a file of the list.")
    before, after = await _text(base, wanted, blobs), await _text(files_of(state), wanted, blobs)
    if before is None or after is None:
        return RunCode(
            changes=changes,
            shown=CodeFile(path=wanted, lines=[], note="This file is binary, or too large to be compared."),
        )
    versions = await _versions(store, blobs, run, wanted, last)
    lines = await asyncio.to_thread(_compared, before.splitlines(), versions, after.splitlines())
    return RunCode(changes=changes, shown=CodeFile(path=wanted, lines=lines))


Version = tuple[LineSource, list[str]]


def _compared(before: Sequence[str], versions: Sequence[Version], after: Sequence[str]) -> list[CodeLine]:
    return side_by_side(before, after, blame(before, versions, after))


async def _versions(store: Store, blobs: Blobs, run: UUID, path: str, last: int) -> list[Version]:
    """Return each verified version of a file, the oldest first."""
    story = await names_until(store, last)
    orders: dict[UUID, task.Assigned] = {}
    submitted: dict[UUID, task.Submitted] = {}
    found: list[Version] = []
    for recorded in await store.read_run(run, up_to=last):
        event = recorded.event
        story.hear(recorded)
        if recorded.void is not None:
            continue
        if isinstance(event, task.Assigned):
            orders[event.order] = event
        elif isinstance(event, task.Submitted):
            submitted[event.order] = event
        elif isinstance(event, task.Verified) and path in getattr(submitted.get(event.order), "files", {}):
            text = await _text(submitted[event.order].files, path, blobs)
            assigned = orders[event.order]
            source = LineSource(
                employee=story.names.get(assigned.employee, "?"),
                task=story.task_name(event.task),
                attempt=assigned.attempt,
                seq=recorded.seq,
            )
            found.append((source, (text or "").splitlines()))
    return found


async def _text(manifest: Manifest, path: str, blobs: Blobs) -> str | None:
    """Return the text of a file; empty if it is not there, and None if it is binary or too large."""
    entry = manifest.get(path, GONE)
    if entry == GONE:
        return ""
    if entry.kind in ("link", "submodule"):
        return f"{entry.kind} to {entry.target}\n"
    content = (await tree_of({path: entry}, blobs)).get(path, b"")
    if b"\0" in content or len(content) > FILE_BYTES_MAX:
        return None
    text = content.decode("utf-8", "replace")
    return text if len(text.splitlines()) <= FILE_LINES_MAX else None


def blame(base: Sequence[str], versions: Sequence[Version], result: Sequence[str]) -> list[LineSource | None]:
    """Return the source of each line of the result: the first version that has the line there, or None for the base."""
    lines, sources = list(base), [None] * len(base)  # type: list[str], list[LineSource | None]
    for source, text in (*versions, (None, list(result))):
        new: list[LineSource | None] = [source] * len(text)
        for block in difflib.SequenceMatcher(None, lines, text, autojunk=False).get_matching_blocks():
            new[block.b : block.b + block.size] = sources[block.a : block.a + block.size]
        lines, sources = list(text), new
    return sources


def side_by_side(before: Sequence[str], after: Sequence[str], sources: Sequence[LineSource | None]) -> list[CodeLine]:
    """Return the lines of two versions in one list. Unchanged lines far from a change become a gap."""
    found: list[CodeLine] = []
    groups = difflib.SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(NEAR_LINES)
    for number, group in enumerate(groups):
        if number or group[0][1] or group[0][3]:
            found.append(CodeLine(kind="gap"))
        for kind, old, old_end, new, new_end in group:
            if kind == "equal":
                pairs = zip(range(old, old_end), range(new, new_end), strict=True)
                found += [
                    CodeLine(kind="same", old=a + 1, new=b + 1, text=after[b], source=sources[b]) for a, b in pairs
                ]
                continue
            found += [CodeLine(kind="removed", old=a + 1, text=before[a]) for a in range(old, old_end)]
            found += [CodeLine(kind="added", new=b + 1, text=after[b], source=sources[b]) for b in range(new, new_end)]
    return found
