"""The rule for the first words of a docstring."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.parsing import nodes

_OPENER = re.compile(r"\s*(What|Whom|Whose|Who|How|Up to|The same)\b")


def plain_opener(path: str, source: str) -> list[str]:
    """Forbid docstrings that begin with a relative clause. The rule includes docstrings of attributes."""
    return [
        f"{path}:{line}: a docstring begins with a verb or a noun phrase, not with {match[1]!r}"
        for line, text in _docstrings(source)
        if (match := _OPENER.match(text))
    ]


def _docstrings(source: str) -> Iterator[tuple[int, str]]:
    """Yield (line, text) of each string that is a statement: docstrings of modules, classes, functions, attributes."""
    for node in nodes(source):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value
