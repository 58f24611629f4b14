"""Explanations of YAML syntax errors in plain words. Each has a place, a message and a remedy."""

from typing import TYPE_CHECKING

from verification.requirements.problems import Spot

if TYPE_CHECKING:
    from ruamel.yaml.error import MarkedYAMLError

_KNOWN: tuple[tuple[str, str, str], ...] = (
    ("found character '\\t'", "a tab cannot indent YAML", "spaces instead of the tab"),
    (
        "mapping values are not allowed here",
        "this line contains `: ` twice",
        'the value in quotes: key: "text: more text"',
    ),
    ("that cannot start any token", "a value cannot begin with this character", 'the value in quotes: "@name"'),
    ("while scanning an alias", "`*` at the beginning of a value is a YAML alias", 'the value in quotes: "*.py"'),
    ("while scanning an anchor", "`&` at the beginning of a value is a YAML anchor", 'the value in quotes: "&name"'),
    ("while scanning a quoted scalar", "this quoted text is not closed", "the closing quote at the end of the text"),
    ("while scanning a double-quoted scalar", "this escape is not known in double quotes", r"single quotes: '\d+'"),
    ("while parsing a flow sequence", "this list has no closing `]`, or a comma is missing", "[first, second]"),
    (
        "while parsing a flow mapping",
        "this mapping has no closing `}`, or a comma is missing",
        "{key: value, key: value}",
    ),
    ("could not find expected ':'", "this key has no colon", "key: value"),
    (
        "while scanning a block scalar",
        "there is other text after `|` or `>` in this line",
        "| at the end of the line, and the text indented in the next lines",
    ),
    (
        "while parsing a block collection",
        "this line does not continue the list",
        "- with the same indentation as the items before it",
    ),
    (
        "while parsing a block mapping",
        "this line does not continue the mapping",
        "key: value with the same indentation as the keys before it",
    ),
)


def explain(error: "MarkedYAMLError", text: str, first_line: int) -> tuple[Spot, str, str]:
    """Return place, message and remedy for a YAML parser's error. The block begins at line `first_line` of the file."""
    said = f"{error.context or ''} {error.problem or ''}"
    unclosed = "end of stream" in said or "stream end" in said or "flow" in said
    mark = error.context_mark if unclosed and error.context_mark is not None else error.problem_mark
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    # for a bad escape, the parser marks the character after the backslash
    spot = Spot(first_line + line, column + (0 if "double-quoted" in said else 1))
    lines = text.split("\n")
    here = lines[line] if line < len(lines) else ""
    if "\t" in here[: len(here) - len(here.lstrip())]:
        return Spot(first_line + line, here.index("\t") + 1), _KNOWN[0][1], _KNOWN[0][2]
    for piece, message, remedy in _KNOWN:
        if piece in said:
            return spot, message, remedy
    return spot, f"this is not YAML: {(error.problem or 'unreadable')[:120]}", "key: value, one pair on each line"
