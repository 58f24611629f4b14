"""From a model's answer to files: fenced code blocks, and which path each belongs to."""

import re
from typing import NamedTuple

from agents.briefs.brief import Brief, is_concrete

FILES_MAX = 64  # in one answer
REASON_CHARS_MAX = 500
CANNOT = "CANNOT:"
"""How an answer begins that says that the task cannot be done: a legal answer, and cheaper than a false one."""
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*([^\n`]*)$", re.MULTILINE)
_PATH = re.compile(r"(?:^|\s)(?:path=|file=|title=)?[\"'`*]*([\w.\-]+(?:/[\w.\-]+)*\.\w+)[\"'`*:]*\s*$")
_COMMENT = re.compile(r"^(?:#|//|--)\s*(?:file(?:name)?:\s*)?([\w.\-]+(?:/[\w.\-]+)*\.\w+)\s*$")


class FencedBlock(NamedTuple):
    """One fenced block: what stands after its fence, the line of text before it, its content, whether it was closed."""

    info: str
    before: str
    content: str
    closed: bool


def blocks_of(text: str) -> list[FencedBlock]:
    """All fenced blocks in order; one that the text never closes runs to its end."""
    blocks: list[FencedBlock] = []
    position = 0
    while (opening := _FENCE.search(text, position)) is not None:
        fence = opening.group(1)
        begin = min(opening.end() + 1, len(text))
        closing = re.compile(rf"^[ \t]*{re.escape(fence)}[ \t]*$", re.MULTILINE).search(text, begin)
        before = text[position : opening.start()].rstrip().rpartition("\n")[2].strip()
        content = text[begin : closing.start() if closing else len(text)]
        blocks.append(FencedBlock(opening.group(2).strip(), before, content, closing is not None))
        if closing is None:
            break
        position = closing.end()
    return blocks


def files_of(text: str, brief: Brief, *, complete: bool = True) -> dict[str, bytes]:
    """The files that an answer holds, by path; the first block of a path counts. `{}` when it holds no code.

    `complete` False (the answer was cut at its length limit) leaves an unclosed block out.
    Paths are taken as written: whether they may be written is for the verifier to say.
    """
    blocks = [block for block in blocks_of(text) if block.content.strip() and (block.closed or complete)]
    single = brief.single_path
    if single is not None:
        return {single: _bytes(blocks[0].content)} if blocks else {}
    files: dict[str, bytes] = {}
    spare = [path for path in brief.paths if is_concrete(path)]
    for block in blocks[:FILES_MAX]:
        path = _path_of(block)
        if path is not None:
            files.setdefault(path, _bytes(block.content))
    if not files and len(spare) == 1 and len(blocks) == 1:
        return {spare[0]: _bytes(blocks[0].content)}
    return files


def declined_in(text: str) -> str:
    """Why the task cannot be done, if an answer says so and holds no code; empty otherwise."""
    said = text.strip()
    if not said.startswith(CANNOT) or blocks_of(said):
        return ""
    return " ".join(said.removeprefix(CANNOT).split())[:REASON_CHARS_MAX] or "no reason was given"


def _path_of(block: FencedBlock) -> str | None:
    found = _PATH.search(" " + block.info.partition(" ")[2]) or _PATH.search(block.info) or _PATH.search(block.before)
    if found is None:
        found = _COMMENT.match(block.content.partition("\n")[0].strip())
    return found.group(1) if found else None


def _bytes(content: str) -> bytes:
    return (content.rstrip() + "\n").encode()
