"""Mass deletion: a file of the base lost most of its lines, and the requirement does not ask for that.

Lines that moved to another changed file are not lost. Lines that the requirement's text asks to remove do not count.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Mapping

from verification.source_scan.parse import parsed
from verification.verdict.model import Finding

LINES_LOST_MIN = 30
"""A finding needs at least this many lost lines. New lines of the file are subtracted from the lost lines."""
SHARE_LOST_MAX = 0.5
"""A finding needs a larger share of lost lines than this."""
_REMOVES = re.compile(
    r"\b(?:delet|remov|drop|shorten|shrink|split|move|moving|merg|renam|replac|rewrit|prun|strip|get rid|clean ?up"
    r"|simplif|deprecat|retir)\w*",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[.!?;]\s|\n\s*\n|\n\s*[-*#]")


def mass_deletions(
    changed: Iterable[str], tree: Mapping[str, bytes], base: Mapping[str, bytes], asked: str
) -> list[Finding]:
    """Return a finding for each changed file of the base that lost most of its lines.

    `asked`: the requirement's text.
    """
    paths = list(changed)
    wanted = [sentence for sentence in _SENTENCE.split(asked) if _REMOVES.search(sentence)]
    arrived = _arrived(paths, tree, base)
    findings: list[Finding] = []
    for path in paths:
        if path not in base or _is_named(path, wanted):
            continue
        before, after = _lines(base[path]), _lines(tree.get(path, b""))
        if before is None or after is None:
            continue
        lost = before - after - arrived
        lost -= _asked_definitions(path, base[path], wanted)
        net, total = lost.total() - (after - before).total(), before.total()
        if net >= LINES_LOST_MIN and net > total * SHARE_LOST_MAX:
            findings.append(_finding(path, net, total))
    return findings


def _lines(content: bytes) -> Counter[str] | None:
    """Return the lines that are not empty, without spaces at both ends; None if the content is not text."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return Counter(line.strip() for line in text.split("\n") if line.strip())


def _arrived(paths: Iterable[str], tree: Mapping[str, bytes], base: Mapping[str, bytes]) -> Counter[str]:
    """Return the lines that the changed files gained in total."""
    gained: Counter[str] = Counter()
    for path in paths:
        after, before = _lines(tree.get(path, b"")), _lines(base.get(path, b""))
        gained += (after or Counter()) - (before or Counter())
    return gained


def _is_named(path: str, sentences: Iterable[str]) -> bool:
    """Return whether a sentence that asks for a removal names a file by its path or its name."""
    name = path.rpartition("/")[2]
    whole = re.compile(rf"(?<![\w/]){re.escape(path)}(?!\w)|(?<![\w/.-]){re.escape(name)}(?!\w)")
    return any(whole.search(sentence) for sentence in sentences)


def _asked_definitions(path: str, source: bytes, sentences: Iterable[str]) -> Counter[str]:
    """Return the lines of the functions and classes that the sentences name."""
    program = parsed(source) if path.endswith(".py") else None
    if program is None:
        return Counter()
    words = {word for sentence in sentences for word in re.findall(r"\w+", sentence)}
    text = source.decode().split("\n")
    lines: Counter[str] = Counter()
    for node in program.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name in words:
            body = text[node.lineno - 1 : node.end_lineno]
            lines += Counter(line.strip() for line in body if line.strip())
    return lines


def _finding(path: str, lost: int, total: int) -> Finding:
    said = f"{path} lost {lost} of its {total} lines, and the requirement does not ask for that"
    return Finding(
        kind="mass_deletion",
        path=path,
        detail=f"{said}. If this is intended, write in the requirement: Delete or shorten {path}.",
        for_author=f"{said}. Change only what the task asks for; give the whole file, or answer with edits.",
    )
