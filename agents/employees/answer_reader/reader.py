"""The reader of answers. It collects the proposals of an answer, chooses by score and applies edits. It gives a reason
for each part that is unclear.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from agents.briefs.brief import Brief, is_concrete
from agents.employees.answer_reader.assembly import Assembly
from agents.employees.answer_reader.candidates import Candidate, Collection, Collector
from agents.employees.answer_reader.changes import Proposal
from agents.employees.answer_reader.hints import titles_in
from agents.employees.answer_reader.languages import suffix_of
from agents.employees.answer_reader.paths import PathMatcher
from agents.employees.answer_reader.python_code import PythonParser
from agents.employees.answer_reader.result import (
    ANSWER_CHARS_MAX,
    CANNOT,
    FENCES_MAX,
    FILES_MAX,
    LINES_MAX,
    REASON_CHARS_MAX,
    REASONS_MAX,
    ParsedAnswer,
)
from agents.employees.answer_reader.scoring import Scorer, candidate_of, homes_of
from agents.employees.answer_reader.text import cleaned, without_thinking, without_tokens

TITLE_CHARS_MAX = 200
_DIRECTIVE = re.compile(
    r"^[ \t>*#\-`]{0,20}(DELETE|REMOVE|RENAME|MOVE)(?: FILE)?[ *`]{0,4}:([^\n]{1,400})$", re.MULTILINE
)
_ARROW = re.compile(r"[`*\s]*(?:->|=>|→|\bto\b)[`*\s]*")
_REFUSAL = re.compile(rf"^[ \t>*_#`\-]{{0,20}}{CANNOT}[\s*_`]*(.*)", re.MULTILINE | re.DOTALL)


def read_answer(
    text: str, brief: Brief, *, partial: frozenset[str] = frozenset(), complete: bool = True
) -> ParsedAnswer:
    """Return the change that an answer to a brief proposes.

    `partial`: files that the author saw only in part. They can be edited but not replaced. If `complete` is False, the
    answer was cut at its length limit, so an unclosed block is ignored. This function never raises.
    """
    limits = {"characters": (len(text), ANSWER_CHARS_MAX), "lines": (text.count("\n"), LINES_MAX)}
    limits["fences"] = (text.count("```") + text.count("~~~"), FENCES_MAX)
    for unit, (count, most) in limits.items():
        if count > most:
            reason = f"The answer has {count} {unit}, more than {most}. Answer with edits, and without long prose."
            return ParsedAnswer(not_understood=(reason,))
    plain = cleaned(text)
    said = without_tokens(without_thinking(plain))
    parsed = _read(said, brief, partial, complete)
    if parsed.changes or parsed.declined or parsed.dropped or said.strip() == plain.strip() or not complete:
        return parsed
    inside = _read(without_tokens(plain), brief, partial, complete)  # maybe the whole answer was marked as thinking
    return inside if inside.changes else parsed


def _read(text: str, brief: Brief, partial: frozenset[str], complete: bool) -> ParsedAnswer:
    python = PythonParser()
    known = {*brief.base_files, *brief.listing}
    matcher = PathMatcher(brief.paths, known)
    collection = Collector(matcher, python).collect(text)
    scorer = Scorer(brief.definitions, python)
    if not collection.candidates and not collection.unnamed:
        _add_bare(text, brief, matcher, python, collection)
    candidates = [*collection.candidates, *_named_by_content(collection, brief, scorer)]
    loose = "\n".join(collection.loose)
    candidates += _directives(loose, matcher, len(candidates))
    if not complete:
        candidates = [candidate for candidate in candidates if candidate.closed]
    assembly = Assembly(brief, partial, scorer, python)
    assembly.add(candidates)
    change = assembly.change()
    reasons = [*collection.faults, *change.not_understood]
    declined = _declined(loose) if not change.changes and not collection.candidates else ""
    if not change.changes and not declined:
        reasons += _why_nothing(collection, candidates, brief, reasons)
    return ParsedAnswer(
        files=change.files,
        deleted=change.deleted,
        dropped=change.dropped,
        declined=declined,
        not_understood=tuple(dict.fromkeys(reason[:REASON_CHARS_MAX] for reason in reasons))[:REASONS_MAX],
    )


def _named_by_content(collection: Collection, brief: Brief, scorer: Scorer) -> list[Candidate]:
    """Return the unnamed blocks as candidates for the files that they may contain."""
    concrete = [path for path in brief.paths if is_concrete(path)]
    return [
        candidate_of(block, path, source)
        for block in collection.unnamed
        for path, source in homes_of(block, concrete, scorer, only=len(concrete) == 1)
    ]


def _add_bare(text: str, brief: Brief, matcher: PathMatcher, python: PythonParser, collection: Collection) -> None:
    """Add the contents of an answer without blocks: a program, or files below lines with the file names."""
    parts = list(_bare_parts(text, matcher, python))
    single = brief.single_path
    if not parts and single is not None:
        code = _bare_single(text, single, python)
        parts = [(single, code)] if code else []
    for path, content in parts:
        proposal = Proposal("whole", path=path, content=content)
        collection.candidates.append(
            Candidate(proposal, path, "", path, "title", "", 0, True, len(collection.candidates))
        )


def _bare_parts(text: str, matcher: PathMatcher, python: PythonParser) -> Iterator[tuple[str, str]]:
    lines = text.split("\n")
    heads: list[tuple[int, str]] = []
    for at, line in enumerate(lines):
        path = matcher.first(titles_in(line.lstrip("# "))) if line.strip() and len(line) < TITLE_CHARS_MAX else ""
        if path:
            heads.append((at, path))
    ends = [*(at for at, _ in heads[1:]), len(lines)]
    for (begin, path), end in zip(heads, ends, strict=False):
        content = "\n".join(lines[begin + 1 : end]).strip("\n")
        if suffix_of(path) == "py" and python.parses(python.repaired(content)):
            yield path, content


def _bare_single(text: str, path: str, python: PythonParser) -> str:
    suffix = suffix_of(path)
    if suffix == "py":
        whole = python.repaired(text)
        return whole if python.parses(whole) and "\n" in text.strip() else python.program_in(text)
    begins = {"md": "#", "json": "{", "html": "<", "toml": "["}.get(suffix)
    return text.strip() + "\n" if begins and text.strip().startswith(begins) and "\n" in text.strip() else ""


def _directives(text: str, matcher: PathMatcher, order: int) -> Iterator[Candidate]:
    """Yield the deletions and renames in lines of the answer: `DELETE: path`, `RENAME: old -> new`."""
    for matched in islice(_DIRECTIVE.finditer(text), FILES_MAX):
        parts = [part.strip("`*\"' ") for part in _ARROW.split(matched.group(2).strip())]
        path = matcher.match(parts[0])
        if matched.group(1) in ("DELETE", "REMOVE") and len(parts) == 1:
            proposal = Proposal("delete", path=parts[0])
        elif matched.group(1) in ("RENAME", "MOVE") and len(parts) == 2:
            proposal = Proposal("rename", path=parts[0], target=matcher.match(parts[1]).path or parts[1])
        else:
            continue
        yield Candidate(proposal, path.path, path.outside, parts[0], "stated", "", 0, True, order)


def _declined(text: str) -> str:
    """Return the stated reason if an answer has no code and says that the task cannot be done."""
    matched = _REFUSAL.search(text)
    if matched is None:
        return ""
    reason = " ".join(matched.group(1).split()).strip("*_` ")
    return reason[:REASON_CHARS_MAX] or "no reason was given"


def _why_nothing(
    collection: Collection, candidates: Sequence[Candidate], brief: Brief, reasons: Sequence[str]
) -> Iterator[str]:
    """Yield the reasons why an answer has no usable change. The author of the answer reads them."""
    outside = tuple(dict.fromkeys(candidate.outside for candidate in candidates if candidate.outside))
    if outside:
        yield f"Only files outside the scope were given: {', '.join(outside)}. The scope is {', '.join(brief.paths)}."
    elif collection.unnamed and not candidates:
        yield "A code block does not say which file it is. Begin each block with its path: ```python path=FILE."
    elif not candidates and not reasons:
        yield "The answer holds no code block, no diff and no edit of a file in scope."
    elif not reasons:
        yield "No block of the answer is a version of a file in scope: each one is an example, output or a command."
