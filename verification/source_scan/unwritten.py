"""Unfinished Python code: functions with an empty body, and comments with TODO.

These functions do not count: abstract methods, overloads, methods of protocols or of base classes, and methods with
only `pass`.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from verification.source_scan.parse import PARSED_BYTES_MAX, parsed

How = Literal["pass", "...", "NotImplementedError"]
_REMINDER = re.compile(r"\b(TODO|FIXME|XXX)\b")
_ABSTRACT = frozenset({"ABC", "ABCMeta", "Protocol"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Unwritten(NamedTuple):
    """An unfinished function. `how` is its whole body. `name` is "f" for a function, or "C.f" for a method."""

    line: int
    name: str
    how: How


def unwritten(sources: Iterable[bytes]) -> list[list[Unwritten]]:
    """Return the unwritten functions of each file. A file that is too large or not valid Python has none."""
    bases: set[str] = set()
    found: list[list[tuple[str | None, Unwritten]]] = []
    for source in sources:  # a syntax tree takes much more memory than its source, so no tree is stored
        tree = parsed(source)
        bases.update(_bases(tree) if tree else ())
        found.append(list(_of_file(tree)) if tree else [])
    return [[each for owner, each in inside if owner not in bases] for inside in found]


def reminders(source: bytes) -> list[tuple[int, str]]:
    """Return the line number and the word of each comment with TODO, FIXME or XXX."""
    if len(source) > PARSED_BYTES_MAX:
        return []
    told: list[tuple[int, str]] = []
    try:
        for token in tokenize.tokenize(io.BytesIO(source).readline):
            if token.type == tokenize.COMMENT and (found := _REMINDER.search(token.string)):
                told.append((token.start[0], found[1]))
    except (tokenize.TokenError, SyntaxError, ValueError):
        return []
    return told


def _bases(tree: ast.Module) -> Iterator[str]:
    """Yield the names of the base classes in a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from (_name(base) for base in node.bases)


def _of_file(tree: ast.Module) -> Iterator[tuple[str | None, Unwritten]]:
    """Yield each unwritten function with the name of its class, or None."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and not _is_abstract(node):
            for method in node.body:
                how = _how(method)
                if isinstance(method, _Function) and how in ("...", "NotImplementedError"):
                    yield node.name, Unwritten(method.lineno, f"{node.name}.{method.name}", how)
    for function in tree.body:
        if isinstance(function, _Function) and (how := _how(function)) is not None:
            yield None, Unwritten(function.lineno, function.name, how)


def _is_abstract(node: ast.ClassDef) -> bool:
    named = [*node.bases, *(keyword.value for keyword in node.keywords if keyword.arg == "metaclass")]
    return bool({_name(each) for each in named} & _ABSTRACT)


def _how(node: ast.stmt) -> How | None:
    """Return the body of an unfinished function; None if the function does something or may do nothing."""
    if not isinstance(node, _Function) or any("abstract" in _name(each) for each in node.decorator_list):
        return None
    if any(_name(each) == "overload" for each in node.decorator_list):
        return None
    body = [each for each in node.body if not _is_docstring(each)]
    if len(body) != 1:
        return None
    (only,) = body
    if isinstance(only, ast.Pass):
        return "pass"
    if isinstance(only, ast.Expr) and isinstance(only.value, ast.Constant) and only.value.value is ...:
        return "..."
    if isinstance(only, ast.Raise) and only.exc is not None and _name(only.exc) == "NotImplementedError":
        return "NotImplementedError"
    return None


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _name(node: ast.expr) -> str:
    """Return the last name of `a.b`, `a.b(…)` or `a.b[…]`."""
    if isinstance(node, ast.Call):
        return _name(node.func)
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
