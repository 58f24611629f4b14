"""Mutants of a Python file: each mutant is the same program with one small mistake in a changed line."""

import ast
import difflib
import random
from collections.abc import Iterator, Set
from typing import Any, NamedTuple

from verification.adequacy.mutation_operators import is_text, mistakes, opposite
from verification.source_scan.parse import parsed

SOURCE_BYTES_MAX = 256 * 1024  # of one file; a larger file is probably generated, or a table of data
SHOWN_CHARS_MAX = 80
COMPARED_PAIRS_MAX = 1_000_000  # lines before times lines after; about one second if all lines are equal
_UNTOUCHED = frozenset({"annotation", "returns", "decorator_list", "format_spec", "type_params", "pattern"})
_IMPORTS = (ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)
_GUARDS = frozenset({"__name__", "TYPE_CHECKING"})


class Mutant(NamedTuple):
    """One mutant of a file. `before` and `after` are only the changed part of the code. `source` is the whole file."""

    line: int
    before: str
    after: str
    source: bytes


class _Place(NamedTuple):
    """A possible mistake: `wrong` replaces `right` in `holder.field`. `at`: the index if the field is a list."""

    holder: ast.AST
    field: str
    at: int | None
    right: ast.AST
    wrong: ast.AST

    def put(self, node: ast.AST) -> None:
        if self.at is None:
            setattr(self.holder, self.field, node)
        else:
            getattr(self.holder, self.field)[self.at] = node


def mutants(source: bytes, lines: Set[int] | None = None, *, seed: int = 0) -> Iterator[Mutant]:
    """Yield every mutant of a file once, in an order drawn from `seed`. `lines`: yield only mutants that change them.

    Each mutant compiles, and differs from the file in more than its layout. These parts stay unchanged: docstrings,
    types, decorators, imports, `__name__` guards, messages of exceptions. A file that is too large or not Python has no
    mutants.
    """
    tree = parsed(source, bytes_max=SOURCE_BYTES_MAX)
    if tree is None:
        return
    known = {_written(tree)}
    places = [place for place in _places(tree, quiet=False) if lines is None or _touches(place.right, lines)]
    random.Random(seed).shuffle(places)
    for place in places:
        place.put(place.wrong)
        text = _written(tree)
        place.put(place.right)
        if text is not None and text not in known:
            known.add(text)
            yield Mutant(_line(place.right), _shown(place.right), _shown(place.wrong), text.encode())


def changed_lines(before: bytes, after: bytes) -> set[int]:
    """Return the numbers of the lines of `after` that were added or changed.

    If the comparison would take long, return all lines from the first to the last change. The time grows with the
    product of the two numbers of lines, which the author determines.
    """
    old, new = before.splitlines(), after.splitlines()
    same = _alike(old, new)
    old, new = old[same:], new[same:]
    end = _alike(old[::-1], new[::-1])
    old, new = old[: len(old) - end], new[: len(new) - end]
    if len(old) * len(new) > COMPARED_PAIRS_MAX:
        return set(range(same + 1, same + len(new) + 1))
    found: set[int] = set()
    for what, _, _, first, last in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what in ("replace", "insert"):
            found.update(range(same + first + 1, same + last + 1))
    return found


def _alike(one: list[bytes], other: list[bytes]) -> int:
    """Return the number of equal lines at the beginning of both lists."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))


def _written(tree: ast.Module) -> str | None:
    """Return the program as text; None if the program with the mistake is not valid Python."""
    try:
        text = ast.unparse(ast.fix_missing_locations(tree))
        compile(text, "mutant", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return text


def _places(node: ast.AST, *, quiet: bool) -> Iterator[_Place]:
    """Yield all mistakes below a node. `quiet`: texts below the node are messages for people and stay unchanged."""
    for field, value in ast.iter_fields(node):
        if field in _UNTOUCHED:
            continue
        for index, item in enumerate(value) if isinstance(value, list) else ((None, value),):
            if isinstance(item, ast.AST) and not _left_alone(item):
                yield from _at(node, field, index, item, quiet=quiet)


def _at(holder: ast.AST, field: str, index: int | None, node: ast.AST, *, quiet: bool) -> Iterator[_Place]:
    for wrong in mistakes(node):
        if not (quiet and isinstance(wrong, ast.Constant) and isinstance(wrong.value, str)):
            yield _Place(holder, field, index, node, wrong)
    if field in ("test", "ifs") and isinstance(node, ast.expr) and (negated := opposite(node)) is not None:
        yield _Place(holder, field, index, node, negated)
    yield from _places(node, quiet=quiet or isinstance(node, ast.Raise | ast.Assert))


def _left_alone(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return any(_name(part) in _GUARDS for part in ast.walk(node.test))
    return isinstance(node, _IMPORTS) or is_text(node)


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _touches(node: ast.AST, lines: Set[int]) -> bool:
    found: Any = node
    return any(number in lines for number in range(_line(node), (found.end_lineno or found.lineno) + 1))


def _line(node: ast.AST) -> int:
    found: Any = node
    return int(found.lineno)


def _shown(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= SHOWN_CHARS_MAX else f"{text[: SHOWN_CHARS_MAX - 1]}…"
