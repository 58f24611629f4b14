"""Parser rules for the forms that models write in addition to fenced blocks: diffs, edits, tags, heredocs and JSON.

Each rule consumes whole lines. These rules run before the rules for lists and quotes, because those rules would split
the lines.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from typing import Literal

from markdown_it.rules_block.state_block import StateBlock
from markdown_it.token import Token

from agents.employees.answer_reader.fences import Clues, Line, mark_of
from agents.employees.answer_reader.result import BLOCKS_MAX

Form = Literal["fence", "element", "diff", "search", "heredoc", "json"]
Rule = Callable[[StateBlock, int, int, bool], bool]
EMPTY_LINES_MAX = 3
"""Maximum number of consecutive empty lines in a diff that have no leading space."""
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
"""Elements that may contain a file or an edit. All other elements count as prose."""


def text_of(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def push(state: StateBlock, form: Form, begin: int, end: int, content: str, *, closed: bool, info: str = "") -> Token:
    state.line = end
    state.env["blocks"] = state.env.get("blocks", 0) + 1
    token = state.push("aura_block", "", 0)
    token.map, token.content, token.info = [begin, end], content, info
    token.meta = {"form": form, "closed": closed}
    return token


def search(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
    if not _SEARCH.match(text_of(state, begin)):
        return False
    if silent:
        return True
    last = begin + 1
    while last < end and not _REPLACE.match(text_of(state, last)):
        if _SEARCH.match(text_of(state, last)):
            break
        last += 1
    closed = last < end and bool(_REPLACE.match(text_of(state, last)))
    next_line = last + 1 if closed else last
    push(state, "search", begin, next_line, _raw(state, begin, next_line), closed=closed)
    return True


def diff(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
    text = text_of(state, begin)
    if not _DIFF.match(text):
        return False
    below = text_of(state, begin + 1) if begin + 1 < end else ""
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
    push(state, "diff", begin, last, _raw(state, begin, last), closed=True)
    return True


def _continues(state: StateBlock, line: int, end: int) -> bool:
    """Return whether a diff continues after an empty line."""
    near = range(line + 1, min(end, line + 1 + EMPTY_LINES_MAX))
    after = next((_raw_line(state, at) for at in near if not state.isEmpty(at)), "")
    return bool(after) and after[0] in "+-@ \\d*" and bool(_DIFF_LINE.match(after))


def _raw_line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] : state.eMarks[line]]


def _raw(state: StateBlock, begin: int, end: int) -> str:
    return "".join(f"{_raw_line(state, line)}\n" for line in range(begin, end))


def element_rule(clues: Clues) -> Rule:
    def element(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
        text = text_of(state, begin)
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
        token = push(state, "element", begin, last + 1, state.src[inside:closes], closed=True, info=matched.group(2))
        token.meta["name"] = name
        return True

    return element


def _search_end(state: StateBlock, end: str, find: Callable[[], int]) -> int:
    """Return the position of an end marker after this point, or -1. A missing end marker is searched only once."""
    missing: set[str] = state.env.setdefault("missing", set())
    if end in missing or len(missing) > BLOCKS_MAX:
        return -1
    at = find()
    if at < 0:
        missing.add(end)
    return at


def heredoc(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
    matched = _HEREDOC.match(text_of(state, begin))
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
        push(state, "heredoc", begin, last + 1, _raw(state, begin, last + 1), closed=True)
    return True


def json(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
    """Push a block that reaches from a line with an opening bracket at its start to the last line with the closing
    bracket.
    """
    text = text_of(state, begin)
    if not _JSON.match(text):
        return False
    first, counterpart = state.bMarks[begin] + state.tShift[begin], "}" if text[0] == "{" else "]"
    closes = _search_end(state, counterpart, lambda: state.src.rfind(counterpart, first, state.eMarks[end - 1]))
    if closes < 0:
        return False
    if not silent:
        last = bisect_right(state.bMarks, closes, begin, end) - 1
        push(state, "json", begin, last + 1, _raw(state, begin, last + 1), closed=True)
    return True
