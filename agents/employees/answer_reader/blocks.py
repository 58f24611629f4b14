"""The blocks of an answer: a CommonMark parser with rules for the forms that models write in addition to fenced blocks.

Each rule consumes whole lines before lists and quotes can split them, so that a diff is not split. The text between
blocks is kept, because it names files and shows which blocks are drafts.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple, overload

from markdown_it import MarkdownIt
from markdown_it.rules_block.state_block import StateBlock
from markdown_it.token import Token

from agents.employees.answer_reader.block_rules import (
    Form,
    Rule,
    diff,
    element_rule,
    heredoc,
    json,
    push,
    search,
    text_of,
)
from agents.employees.answer_reader.fences import Clues, Line, Opening, closing_of, mark_of
from agents.employees.answer_reader.result import BLOCKS_MAX

NESTING_MAX = 12
FENCES_AHEAD_MAX = 200
"""Maximum number of fences that are read ahead to find the end of one block."""
_RULES = ("fence", "blockquote", "list", "heading", "paragraph")


class Block(NamedTuple):
    """One block. For an element, `name` is the tag and `info` has the attributes. For a fence, `info` is the text after
    it.

    `begin` and `end` are its lines in the answer. If `closed` is false, the block has no end marker.
    """

    form: Form
    info: str
    content: str
    begin: int
    end: int
    closed: bool
    name: str = ""


class Document(NamedTuple):
    """The blocks of a text in their order, and the lines of the text."""

    blocks: tuple[Block, ...]
    lines: tuple[str, ...]

    def between(self, index: int) -> str:
        """Return the text before a block, from the end of the block before it."""
        begin = self.blocks[index - 1].end if index > 0 else 0
        end = self.blocks[index].begin if index < len(self.blocks) else len(self.lines)
        return "\n".join(self.lines[begin:end])


def document_of(text: str, clues: Clues) -> Document:
    """Parse a text."""
    parser = MarkdownIt("zero", {"maxNesting": NESTING_MAX})
    parser.core.ruler.enableOnly(["normalize", "block"])
    rule = _rule_by_first_sign(clues, _fence_lines(text))
    parser.block.ruler.at("fence", rule, {"alt": ["paragraph", "blockquote", "list"]})
    parser.block.ruler.enableOnly(list(_RULES))
    tokens = [token for token in parser.parse(text) if token.meta.get("form")]
    blocks = [_block(token) for token in tokens[:BLOCKS_MAX]]
    return Document(tuple(blocks), tuple(text.split("\n")))


def _rule_by_first_sign(clues: Clues, fence_lines: Sequence[int]) -> Rule:
    """Return a rule that calls only the rules for the first character of a line. It stops after BLOCKS_MAX blocks."""
    fence, element = _fence_rule(clues, fence_lines), element_rule(clues)
    rules: dict[str, tuple[Rule, ...]] = {"`": (fence,), "~": (fence,), "<": (search, element), "-": (search, diff)}
    rules |= dict.fromkeys("*@dI", (diff,)) | dict.fromkeys("ct$s", (heredoc,)) | dict.fromkeys("{[", (json,))

    def rule(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
        first = state.bMarks[begin] + state.tShift[begin]
        if first >= state.eMarks[begin] or state.env.get("blocks", 0) >= BLOCKS_MAX:
            return False
        return any(each(state, begin, end, silent) for each in rules.get(state.src[first], ()))

    return rule


def _block(token: Token) -> Block:
    assert token.map is not None, "a block has lines"
    return Block(
        form=token.meta["form"],
        info=token.info.strip(),
        content=token.content,
        begin=token.map[0],
        end=token.map[1],
        closed=token.meta["closed"],
        name=token.meta.get("name", ""),
    )


def _fence_lines(text: str) -> tuple[int, ...]:
    """Return the numbers of the lines that may contain a fence."""
    return tuple(at for at, line in enumerate(text.split("\n")) if "```" in line or "~~~" in line)


class _Lines(Sequence[Line]):
    """A range of lines in the container of a block. Each line is read only when it is needed."""

    def __init__(self, state: StateBlock, begin: int, end: int) -> None:
        self._state, self._begin, self._end = state, begin, end

    def __len__(self) -> int:
        return self._end - self._begin

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> "list[Line]": ...
    def __getitem__(self, index: int | slice) -> "Line | list[Line]":
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        return Line(self._state.sCount[self._begin + index], text_of(self._state, self._begin + index))


def _fence_rule(clues: Clues, fence_lines: Sequence[int]) -> Rule:
    def fence(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
        text = text_of(state, begin)
        if not text.startswith(("```", "~~~")):
            return False
        mark = mark_of(begin, Line(state.sCount[begin], text))
        if mark is None:
            return False
        if silent:
            return True
        after = bisect_right(fence_lines, begin)
        later = [line for line in fence_lines[after : after + FENCES_AHEAD_MAX] if line < end]
        lines = _Lines(state, begin + 1, next((line for line in later if state.sCount[line] < 0), end))
        fenced = [line - begin - 1 for line in later if line - begin - 1 < len(lines)]
        opening = Opening(mark, clues.named(mark.info) or clues.titled(_above(state, begin)))
        closing = closing_of(lines, fenced, opening, clues)
        inside = range(begin + 1, begin + 1 + closing.end)
        indent = min([mark.indent, *(state.sCount[line] for line in inside if not state.isEmpty(line))])
        content = state.getLines(begin + 1, begin + 1 + closing.end, indent, True)
        if closing.glued is not None:
            content += closing.glued[min(indent, len(closing.glued) - len(closing.glued.lstrip())) :] + "\n"
        push(state, "fence", begin, begin + 1 + closing.next, content, closed=closing.closed, info=mark.info)
        return True

    return fence


def _above(state: StateBlock, line: int) -> str:
    """Return the nearest line above this one that has text."""
    line -= 1
    while line >= 0 and state.isEmpty(line):
        line -= 1
    return text_of(state, line) if line >= 0 else ""
