"""The blocks of an answer: a CommonMark parser with rules for what models write beside fenced blocks.

Each rule consumes whole lines before lists and quotes can take them apart, so that a diff stays a diff. Text between
blocks is kept as it is: it names files and says what a block is worth.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, overload

from markdown_it import MarkdownIt
from markdown_it.rules_block.state_block import StateBlock
from markdown_it.token import Token

from agents.employees.answer_reader.fences import Clues, Line, Opening, closing_of, mark_of
from agents.employees.answer_reader.result import BLOCKS_MAX

Form = Literal["fence", "element", "diff", "search", "heredoc", "json"]
Rule = Callable[[StateBlock, int, int, bool], bool]
NESTING_MAX = 12
FENCES_AHEAD_MAX = 200
"""Fences that are looked at to find the end of one block."""
EMPTY_LINES_MAX = 3
"""Empty lines in a row that a diff may hold without their leading space."""
_RULES = ("fence", "blockquote", "list", "heading", "paragraph")
_ELEMENT = re.compile(r"^<([A-Za-z_][\w.:-]*)((?:\s[^<>]*)?|=[\w.:-]+)>")
_DIFF = re.compile(r"^(?:diff --git |--- \S|\*\*\* Begin Patch|\*\*\* (?:Update|Add|Delete) File: |Index: \S+|@@ )")
_DIFF_LINE = re.compile(
    r"^(?:[ +\-@\\]|diff --git |index [0-9a-f]|Index: |={5,}$|\*\*\* |(?:new|deleted) file mode|old mode|new mode"
    r"|similarity index|dissimilarity|rename (?:from|to) |copy |Binary files|$)"
)
_SEARCH = re.compile(r"^(?:<{5,9}\s*(?:SEARCH|ORIGINAL|HEAD|OLD)\b|-{5,9}\s*SEARCH\b)", re.IGNORECASE)
_REPLACE = re.compile(r"^(?:>{5,9}(?:\s*(?:REPLACE|UPDATED|NEW|\w+))?|\+{5,9}\s*REPLACE)\s*$", re.IGNORECASE)
_HEREDOC = re.compile(r"^(?:\$ )?(?:sudo )?(?:cat|tee)\b.*<<-?\s*['\"\\]?([A-Za-z_]\w*)['\"]?")
_JSON = re.compile(r"^(?:\{\s*(?:\"|$)|\[\s*(?:\{|$))")
_ELEMENT_NAMES = """
    file files code document create_file create write_file write_to_file write new_file source_file source artifact
    antartifact boltaction edit edit_file replace_in_file str_replace str_replace_editor str_replace_based_edit_tool
    apply_diff apply_patch tool_call tool_calls tool_use function_call function_calls invoke function update_file
    modify_file delete_file rename_file save_file file_content filecontent output_file tool changes patch answer_file
"""
_ELEMENTS = frozenset(_ELEMENT_NAMES.split())
"""Elements that are known to hold a file or an edit; any other one is prose."""


class Block(NamedTuple):
    """One block. `name` and `info`: an element's tag and attributes, or what stands behind a fence.

    `begin` and `end` are its lines in the answer. A block that `closed` is false for ended with the answer.
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
        """The text before a block, from the end of the block before it."""
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
    """The rule that hands a line to those rules that its first sign may begin, while blocks may be added."""
    fence, element = _fence_rule(clues, fence_lines), _element_rule(clues)
    rules: dict[str, tuple[Rule, ...]] = {"`": (fence,), "~": (fence,), "<": (_search, element), "-": (_search, _diff)}
    rules |= dict.fromkeys("*@dI", (_diff,)) | dict.fromkeys("ct$s", (_heredoc,)) | dict.fromkeys("{[", (_json,))

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


def _text_of(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _push(state: StateBlock, form: Form, begin: int, end: int, content: str, *, closed: bool, info: str = "") -> Token:
    state.line = end
    state.env["blocks"] = state.env.get("blocks", 0) + 1
    token = state.push("aura_block", "", 0)
    token.map, token.content, token.info = [begin, end], content, info
    token.meta = {"form": form, "closed": closed}
    return token


def _fence_lines(text: str) -> tuple[int, ...]:
    """The lines in which a fence may stand."""
    return tuple(at for at, line in enumerate(text.split("\n")) if "```" in line or "~~~" in line)


class _Lines(Sequence[Line]):
    """The lines of a block's container from one on, each read when it is asked for."""

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
        return Line(self._state.sCount[self._begin + index], _text_of(self._state, self._begin + index))


def _fence_rule(clues: Clues, fence_lines: Sequence[int]) -> Rule:
    def fence(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
        text = _text_of(state, begin)
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
        _push(state, "fence", begin, begin + 1 + closing.next, content, closed=closing.closed, info=mark.info)
        return True

    return fence


def _above(state: StateBlock, line: int) -> str:
    """The nearest line with text above another one."""
    line -= 1
    while line >= 0 and state.isEmpty(line):
        line -= 1
    return _text_of(state, line) if line >= 0 else ""


def _search(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
    if not _SEARCH.match(_text_of(state, begin)):
        return False
    if silent:
        return True
    last = begin + 1
    while last < end and not _REPLACE.match(_text_of(state, last)):
        if _SEARCH.match(_text_of(state, last)):
            break
        last += 1
    closed = last < end and bool(_REPLACE.match(_text_of(state, last)))
    next_line = last + 1 if closed else last
    _push(state, "search", begin, next_line, _raw(state, begin, next_line), closed=closed)
    return True


def _diff(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
    text = _text_of(state, begin)
    if not _DIFF.match(text):
        return False
    below = _text_of(state, begin + 1) if begin + 1 < end else ""
    if text.startswith("---") and not below.startswith("+++ "):
        return False
    if silent:
        return True
    patch = text.startswith("*** ")
    last = begin + 1
    while (
        last < end and _DIFF_LINE.match(_raw_line(state, last)) and not mark_of(last, Line(0, _raw_line(state, last)))
    ):
        if not _raw_line(state, last).strip() and not _continues(state, last, end):
            break
        last += 1
        if patch and _raw_line(state, last - 1).startswith("*** End Patch"):
            break
    _push(state, "diff", begin, last, _raw(state, begin, last), closed=True)
    return True


def _continues(state: StateBlock, line: int, end: int) -> bool:
    """Whether a diff goes on after an empty line."""
    near = range(line + 1, min(end, line + 1 + EMPTY_LINES_MAX))
    after = next((_raw_line(state, at) for at in near if not state.isEmpty(at)), "")
    return bool(after) and after[0] in "+-@ \\d*" and bool(_DIFF_LINE.match(after))


def _raw_line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] : state.eMarks[line]]


def _raw(state: StateBlock, begin: int, end: int) -> str:
    return "".join(f"{_raw_line(state, line)}\n" for line in range(begin, end))


def _element_rule(clues: Clues) -> Rule:
    def element(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
        text = _text_of(state, begin)
        matched = _ELEMENT.match(text) if text.startswith("<") else None
        if matched is None:
            return False
        name = matched.group(1)
        if name.lower() not in _ELEMENTS and not ("." in name and clues.named(f"path={name}")):
            return False
        inside = state.bMarks[begin] + state.tShift[begin] + matched.end()
        closing, limit = f"</{name}>", state.eMarks[end - 1]
        closes = _search_end(state, closing, lambda: state.src.find(closing, inside, limit))
        if closes < 0:
            return False
        if silent:
            return True
        last = bisect_right(state.bMarks, closes, begin, end) - 1
        token = _push(state, "element", begin, last + 1, state.src[inside:closes], closed=True, info=matched.group(2))
        token.meta["name"] = name
        return True

    return element


def _search_end(state: StateBlock, end: str, find: Callable[[], int]) -> int:
    """Where an end is found in the rest of the text, or -1. What was not found once is not looked for again."""
    missing: set[str] = state.env.setdefault("missing", set())
    if end in missing or len(missing) > BLOCKS_MAX:
        return -1
    at = find()
    if at < 0:
        missing.add(end)
    return at


def _heredoc(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
    matched = _HEREDOC.match(_text_of(state, begin))
    if matched is None:
        return False
    closing = re.compile(rf"^[ \t>]*{matched.group(1)}[ \t]*$", re.MULTILINE)

    def find() -> int:
        ended = closing.search(state.src, state.eMarks[begin], state.eMarks[end - 1])
        return ended.end() if ended else -1

    closes = _search_end(state, f"<<{matched.group(1)}", find)
    if closes < 0:
        return False
    if not silent:
        last = bisect_right(state.bMarks, closes, begin, end) - 1
        _push(state, "heredoc", begin, last + 1, _raw(state, begin, last + 1), closed=True)
    return True


def _json(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
    """A line that begins with a bracket: all lines to the last one that holds its counterpart."""
    text = _text_of(state, begin)
    if not _JSON.match(text):
        return False
    first, counterpart = state.bMarks[begin] + state.tShift[begin], "}" if text[0] == "{" else "]"
    closes = _search_end(state, counterpart, lambda: state.src.rfind(counterpart, first, state.eMarks[end - 1]))
    if closes < 0:
        return False
    if not silent:
        last = bisect_right(state.bMarks, closes, begin, end) - 1
        _push(state, "json", begin, last + 1, _raw(state, begin, last + 1), closed=True)
    return True
