"""Candidates are the changes that the blocks of an answer propose. Each has a path and the evidence for this path."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from agents.employees.answer_reader import languages
from agents.employees.answer_reader.blocks import Block, Document, document_of
from agents.employees.answer_reader.changes import Proposal
from agents.employees.answer_reader.diffs import diff_proposals, has_search, is_diff, search_edits
from agents.employees.answer_reader.fences import Clues, language_of
from agents.employees.answer_reader.hints import (
    TITLE_LINES_MAX,
    Source,
    comment_in,
    has_path_key,
    is_file_name,
    names_in,
    stated_in,
    titles_in,
    worth_of,
)
from agents.employees.answer_reader.paths import PathMatcher
from agents.employees.answer_reader.python_code import PythonParser
from agents.employees.answer_reader.structured import (
    answer_text,
    element_proposals,
    json_proposals,
    json_value,
    shell_proposals,
)

NESTED_MAX = 2
"""Maximum depth of blocks that wrap a whole answer."""
SOURCE_SCORES: dict[Source, int] = {
    "stated": 40,
    "title": 30,
    "comment": 28,
    "definitions": 14,
    "sentence": 12,
    "only": 8,
    "language": 6,
}


class Candidate(NamedTuple):
    """One proposed change of one path. `written`: the path as the model wrote it. `path`: the path in scope, or empty.
    `outside`: the normalised path if it is out of scope. `order`: the candidate's position in the answer.
    """

    proposal: Proposal
    path: str
    outside: str
    written: str
    source: Source
    language: str
    worth: int
    closed: bool
    order: int


class Unnamed(NamedTuple):
    """A block of code without a path. `elsewhere`: the text before it names a file out of scope."""

    content: str
    language: str
    worth: int
    closed: bool
    order: int
    elsewhere: bool


class Collection(NamedTuple):
    """The contents of an answer's blocks. `faults`: reasons why blocks were not understood. `loose`: the text outside
    the blocks.
    """

    candidates: list[Candidate]
    unnamed: list[Unnamed]
    faults: list[str]
    loose: list[str]


class Collector:
    """Collector of candidates from a text and from the texts inside its wrapper blocks."""

    def __init__(self, matcher: PathMatcher, python: PythonParser) -> None:
        self._matcher = matcher
        self._python = python
        self._clues = Clues(self._named, self._titled, python.parses)
        self._last_path = ""
        self.collection = Collection([], [], [], [])

    def collect(self, text: str, depth: int = 0) -> Collection:
        """Add the candidates of a text to the collection. Return the collection."""
        document = document_of(text, self._clues)
        self._matcher.share_prefix(list(self._stated(document)))
        self.collection.loose.extend(document.between(index) for index in range(len(document.blocks) + 1))
        for index, block in enumerate(document.blocks):
            before, after = document.between(index), document.between(index + 1)
            self._block(block, before, after, depth)
        return self.collection

    def _stated(self, document: Document) -> Iterator[str]:
        """Yield each path that the answer states or uses as a title, as the model wrote it."""
        for index, block in enumerate(document.blocks):
            if stated := stated_in(block.info):
                yield stated[0]
                continue
            names = (name for line in _near(document.between(index)) for name in titles_in(line))
            if title := next((name for name in names if is_file_name(name)), ""):
                yield title

    def _named(self, info: str) -> str:
        return next((path for said in stated_in(info) if (path := self._matcher.match(said).path)), "")

    def _titled(self, line: str) -> str:
        return self._matcher.first(titles_in(line))

    def _block(self, block: Block, before: str, after: str, depth: int) -> None:
        language = language_of(block.info) if block.form == "fence" else ""
        worth = worth_of(before, after)
        written, source = self._name_of(block, before)
        if depth < NESTED_MAX and self._wraps(block, language, written if source in ("stated", "title") else ""):
            self.collect(block.content, depth + 1)
            return
        proposals = list(self._proposals(block, language, written, depth))
        if not proposals and block.form == "fence":
            proposals = [
                Proposal("whole", path=part, content=text) for part, text in self._parts(block.content, written)
            ]
        for proposal in proposals:
            path = proposal.path or written
            known: Source = "stated" if proposal.path and proposal.path != written else source
            self._add(proposal._replace(path=path), path, known, language, worth, block.closed)
        if block.form == "fence" and not proposals:
            self._add_whole(block, written, source, language, worth, before)

    def _add_whole(self, block: Block, written: str, source: Source, language: str, worth: int, before: str) -> None:
        if written:
            self._add(
                Proposal("whole", path=written, content=block.content), written, source, language, worth, block.closed
            )
            return
        order = self._next()
        elsewhere = any(
            is_file_name(name) and not self._matcher.match(name).path for name in names_in(before.rpartition("\n")[2])
        )
        if block.content.strip():
            self.collection.unnamed.append(Unnamed(block.content, language, worth, block.closed, order, elsewhere))

    def _add(self, proposal: Proposal, written: str, source: Source, language: str, worth: int, closed: bool) -> None:
        if not written and proposal.kind == "edit" and len(self._matcher.concrete) == 1:
            written = self._matcher.concrete[0]
        matched = self._matcher.match(written)
        self._last_path = written or self._last_path
        self.collection.candidates.append(
            Candidate(proposal, matched.path, matched.outside, written, source, language, worth, closed, self._next())
        )

    def _next(self) -> int:
        return len(self.collection.candidates) + len(self.collection.unnamed)

    def _name_of(self, block: Block, before: str) -> tuple[str, Source]:
        """Return the path that the answer gives for a block, and the source of the path."""
        for said in stated_in(block.info):
            if self._matcher.match(said).path:
                return said, "stated"
        readings = stated_in(block.info)
        certain = has_path_key(block.info)
        stated = next((said for said in readings if certain or is_file_name(said) or "/" in said), "")
        if stated:
            return stated, "stated"
        for line in _near(before):
            if path := self._matcher.first(titles_in(line)):
                return path, "title"
            outside = next((name for name in titles_in(line) if is_file_name(name) and " " not in name), "")
            if outside:
                return outside, "title"
        comments = comment_in(block.content)
        if languages.is_markdown(language_of(block.info), "") and not block.content.lstrip().startswith("<!--"):
            comments = iter(())  # a heading is not a comment
        if path := self._matcher.first(comments):
            return path, "comment"
        for line in _near(before)[:2]:
            paths = {path for name in names_in(line) if (path := self._matcher.first([name]))}
            if len(paths) == 1:
                return paths.pop(), "sentence"
        return "", "only"

    def _proposals(self, block: Block, language: str, written: str, depth: int) -> Iterator[Proposal]:
        """Yield the changes of a block that is not the content of a whole file."""
        content = block.content
        if block.form == "element":
            yield from self._element(block, depth)
        elif block.form == "heredoc" or (language in languages.SHELL and not written):
            yield from shell_proposals(content)
        elif has_search(content):
            yield from self._searched(content, written or self._last_path)
        elif block.form == "diff" or language in languages.DIFF or is_diff(content):
            yield from diff_proposals(content)
        elif block.form == "json" or (language in ("json", "", "tool_code") and not written):
            yield from self._json(content, depth)
        elif content.lstrip().startswith("<") and not written and language in ("", "xml", "html", "text"):
            yield from self._elements(content, depth)

    def _json(self, content: str, depth: int) -> Iterator[Proposal]:
        """Yield the files of a JSON value, if at least one of them is in scope. Otherwise the value may contain an
        answer or one file.
        """
        if content.lstrip()[:1] not in ("{", "["):
            return
        value = json_value(content)
        proposals = list(json_proposals(value))
        self._matcher.share_prefix([proposal.path for proposal in proposals])
        if any(self._matcher.match(proposal.path).path for proposal in proposals):
            yield from proposals
            return
        text = answer_text(value)
        only = self._matcher.concrete if len(self._matcher.concrete) == 1 else ()
        if "```" in text and depth < NESTED_MAX:
            self.collect(text, depth + 1)
        elif text and only and languages.suffix_of(only[0]) != "json":
            yield Proposal("whole", path=only[0], content=text)

    def _element(self, block: Block, depth: int) -> Iterator[Proposal]:
        stated = next(iter(stated_in(block.info)), "") or (block.name if self._named(f"path={block.name}") else "")
        if not is_file_name(stated) and not self._matcher.match(stated).path:
            stated = ""  # it is the name of a tool
        proposals = list(element_proposals(block.name, stated, block.content))
        if any(self._matcher.match(proposal.path).path for proposal in proposals) or depth >= NESTED_MAX:
            yield from proposals
            return
        inside = list(self._elements(block.content, depth + 1))
        yield from inside or proposals

    def _elements(self, content: str, depth: int) -> Iterator[Proposal]:
        for block in document_of(content, self._clues).blocks:
            if block.form == "element":
                yield from self._element(block, depth)

    def _searched(self, content: str, written: str) -> Iterator[Proposal]:
        path = written
        for before, edit in search_edits(content):
            path = self._matcher.first(titles_in(before)) or path
            if edit is None:
                self.collection.faults.append(
                    f"A search-and-replace block{f' for {path}' if path else ''} is not complete. It needs the lines "
                    "`<<<<<<< SEARCH`, `=======` and `>>>>>>> REPLACE`."
                )
            else:
                yield Proposal("edit", path=path, edits=(edit,), created=not edit.old)

    def _wraps(self, block: Block, language: str, written: str) -> bool:
        """Return whether a block contains the answer and is not a file. Such a block has no name, and its inner fences
        name files in scope.
        """
        wrapper = language in languages.MARKDOWN | languages.NEUTRAL | {"xml"}
        if block.form != "fence" or written or not wrapper or "``" not in block.content:
            return False
        inside = document_of(block.content, self._clues)
        return any(
            self._named(inner.info) or any(self._titled(line) for line in _near(inside.between(index)))
            for index, inner in enumerate(inside.blocks)
        )

    def _parts(self, content: str, written: str) -> Iterator[tuple[str, str]]:
        """Yield the files of one block that comments separate. The comments are not part of the files."""
        lines = content.split("\n")
        heads: list[tuple[int, str]] = []
        for at, line in enumerate(lines):
            path = self._matcher.first(comment_in(line)) if line[:1] in ("#", "/", "-", ";", "<", "%") else ""
            if path:
                heads.append((at, path))
        if len({path for _, path in heads}) < 2 or len({path for _, path in heads}) != len(heads):
            return
        before = [line for line in lines[: heads[0][0]] if line.strip() and not line.startswith("#!")]
        if before or (written and self._matcher.match(written).path != heads[0][1]):
            return
        ends = [*(at for at, _ in heads[1:]), len(lines)]
        for (begin, path), end in zip(heads, ends, strict=True):
            yield path, "\n".join(lines[begin + 1 : end]).strip("\n") + "\n"


def _near(before: str) -> Sequence[str]:
    """Return the last lines with text before a block, the nearest line first."""
    lines = [line for line in before.split("\n") if line.strip()]
    return lines[: -TITLE_LINES_MAX - 1 : -1]
