"""Diffs, patches and search-and-replace blocks of models. The counts and line numbers in them are often wrong."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise

from agents.employees.answer_reader.changes import Proposal
from agents.employees.answer_reader.edits import EDITS_MAX, Edit

NOTHING = "/dev/null"
_OPEN = "\\ No newline"
"""Start of the line that a diff has after a last line without a line end."""
_HUNK = re.compile(r"^@@+(?:\s*-(\d+)(?:,\d+)?\s+\+\d+(?:,\d+)?)?.*$")
_OLD = re.compile(r"^--- (?:a/(?=.)|\"a/)?(.+?)\"?(?:\t.*)?$")
_NEW = re.compile(r"^\+\+\+ (?:b/(?=.)|\"b/)?(.+?)\"?(?:\t.*)?$")
_GIT = re.compile(r"^diff --git \"?a/(.+?)\"? \"?b/(.+?)\"?$")
_ACTION = re.compile(r"^\*\*\* (Update|Add|Delete) File: (.+)$")
_MOVE = re.compile(r"^\*\*\* Move to: (.+)$")
_SEARCH = re.compile(r"^\s*(?:<{5,9}|-{5,9})\s*(?:SEARCH|ORIGINAL|HEAD|OLD)\b.*$", re.IGNORECASE)
_MIDDLE = re.compile(r"^\s*={5,9}\s*$")
_REPLACE = re.compile(r"^\s*(?:>{5,9}|\+{5,9})(?:\s*[\w.-]+)?\s*$")
_ROO = re.compile(r"^(?::(?:start|end)_line:\s*\d+|-{5,9})\s*$")


def is_diff(content: str) -> bool:
    """Return whether a text is a diff or a patch. Only its first lines are checked."""
    lines = [line for line in content.split("\n", 12)[:12] if line.strip()][:4]
    if any(_GIT.match(line) or _ACTION.match(line) or line.startswith("*** Begin Patch") for line in lines):
        return True
    headers = any(line.startswith("--- ") and after.startswith("+++ ") for line, after in pairwise(lines))
    return headers or any(line.startswith("@@ ") for line in lines)


def diff_proposals(content: str) -> Iterator[Proposal]:
    """Yield the changes of a diff, one for each file."""
    lines = content.split("\n")
    if any(_ACTION.match(line) for line in lines):
        yield from _patch(lines)
        return
    for section in _sections(lines):
        yield from _file(section)


def _sections(lines: Sequence[str]) -> Iterator[list[str]]:
    """Yield the lines of a unified diff by file."""
    section: list[str] = []
    in_hunk = False
    for at, line in enumerate(lines):
        after = lines[at + 1] if at + 1 < len(lines) else ""
        header = line.startswith("--- ") and after.startswith("+++ ")
        git = line.startswith("diff --git ") and _GIT.match(line) is not None
        if section and (git or (header and (in_hunk or _has_header(section)))):
            yield section
            section, in_hunk = [], False
        in_hunk = in_hunk or line.startswith("@@")
        section.append(line)
    if any(line.strip() for line in section):
        yield section


def _has_header(section: Sequence[str]) -> bool:
    return any(line.startswith("+++ ") for line in section)


def _file(section: Sequence[str]) -> Iterator[Proposal]:
    """Yield the change of one file of a unified diff."""
    old, new, body, moved = "", "", 0, ("", "")
    deleted = any(line.startswith("deleted file mode") for line in section[:8])
    created = any(line.startswith("new file mode") for line in section[:8])
    for at, line in enumerate(section):
        if git := _GIT.match(line):
            old, new = git.groups()
        elif line.startswith("rename from "):
            moved = (line.removeprefix("rename from ").strip(), moved[1])
        elif line.startswith("rename to "):
            moved = (moved[0], line.removeprefix("rename to ").strip())
        elif (before := _OLD.match(line)) and at + 1 < len(section) and (after := _NEW.match(section[at + 1])):
            old, new, body = before.group(1).strip(), after.group(1).strip(), at + 2
            break
        elif line.startswith("@@"):
            body = at
            break
    has_body = body > 0 or not (deleted or moved[0] or _GIT.match(section[0]))
    edits = tuple(islice(_hunks(section[body:]), EDITS_MAX + 1)) if has_body else ()
    if new == NOTHING or deleted:
        yield Proposal("delete", path=old)
        return
    path = new or old
    if moved[0] and moved[1]:
        yield Proposal("rename", path=moved[0], target=moved[1])
        path = moved[1]
    elif old and new and old not in (new, NOTHING) and old.rpartition("/")[2] != new.rpartition("/")[2]:
        yield Proposal("rename", path=old, target=new)
    created = created or old == NOTHING
    if edits:
        yield Proposal("edit", path=path, edits=edits, created=created or all(not edit.old for edit in edits))
    elif created and path:
        yield Proposal("whole", path=path)


def _hunks(lines: Sequence[str]) -> Iterator[Edit]:
    """Yield the hunks of one file. Trailing empty lines are not part of a hunk, because they separate the diff from
    prose.
    """
    hunk: list[str] = []
    at = 0
    for line in [*lines, "@@"]:
        header = _HUNK.match(line)
        if header is None:
            hunk.append(line)
            continue
        yield from _hunk(hunk, at)
        hunk, at = [], int(header.group(1) or 0)


def _hunk(lines: list[str], at: int) -> Iterator[Edit]:
    marked = [before[:1] for before, line in pairwise(lines) if line.startswith(_OPEN)]
    is_open = any(mark != "-" for mark in marked) if marked else None
    lines = [line for line in lines if not line.startswith(_OPEN)]
    while lines and (not lines[-1].strip() or lines[-1].rstrip() == "--"):
        lines = lines[:-1]  # in a mailed patch, a signature follows the last hunk
    while lines and not lines[0].strip() and at == 0:
        lines = lines[1:]
    if not any(line.startswith(("+", "-")) for line in lines):
        return
    old = tuple(_plain(line) for line in lines if not line.startswith("+"))
    new = tuple(_plain(line) for line in lines if not line.startswith("-"))
    yield Edit(old, new, at, is_open=is_open)


def _plain(line: str) -> str:
    return line[1:] if line.startswith(("+", "-", " ")) else line


def _patch(lines: Sequence[str]) -> Iterator[Proposal]:
    """Yield the changes of a patch in the form `*** Update File: path`."""
    sections: list[tuple[str, str, list[str]]] = []
    for line in lines:
        if action := _ACTION.match(line):
            sections.append((action.group(1), action.group(2).strip(), []))
        elif sections and not line.startswith(("*** End Patch", "*** Begin Patch", "*** End of File")):
            sections[-1][2].append(line)
    for kind, path, body in sections:
        if kind == "Delete":
            yield Proposal("delete", path=path)
        elif kind == "Add":
            added = [line[1:] if line.startswith("+") else line for line in body]
            yield Proposal("whole", path=path, content="\n".join(added).rstrip("\n") + "\n")
        else:
            moved = next((move.group(1).strip() for line in body if (move := _MOVE.match(line))), "")
            if moved:
                yield Proposal("rename", path=path, target=moved)
            edits = tuple(islice(_hunks([line for line in body if not _MOVE.match(line)]), EDITS_MAX + 1))
            if edits:
                yield Proposal("edit", path=moved or path, edits=edits)


def has_search(content: str) -> bool:
    """Return whether a text begins with a search-and-replace block. One line with the file's name may come before the
    block.
    """
    lines = [line for line in content.split("\n", 12)[:12] if line.strip()][:2]
    return any(_SEARCH.match(line) for line in lines)


def search_edits(content: str) -> Iterator[tuple[str, Edit | None]]:
    """Yield each search-and-replace block of a text with the line before it. The edit is None if its middle line or its
    end line is missing.
    """
    lines = content.split("\n")
    at, before = 0, ""
    while at < len(lines):
        if not _SEARCH.match(lines[at]):
            before = lines[at] if lines[at].strip() else before
            at += 1
            continue
        end = next((i for i in range(at + 1, len(lines)) if _REPLACE.match(lines[i])), None)
        if end is None:
            yield before, None
            return
        yield before, _searched(lines[at + 1 : end])
        at, before = end + 1, ""


def _searched(lines: Sequence[str]) -> Edit | None:
    middles = [at for at, line in enumerate(lines) if _MIDDLE.match(line)]
    if not middles:
        return None
    middle = middles[0]
    begin = 0
    while begin < middle and _ROO.match(lines[begin]):
        begin += 1
    old = list(lines[begin:middle])
    new = list(lines[middle + 1 :])
    if not any(line.strip() for line in old):
        old = []
    return Edit(tuple(old), tuple(new))
