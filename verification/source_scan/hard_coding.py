"""Hard-coding: code that contains the visible cases as a table instead of solving them.

Hard-coding is reported only if a sealed case failed, too, and if one changed file contains both arguments and results
of visible cases as literals. An honest solution may be a table of values. Then the sealed cases pass, and nothing is
reported.
"""

import ast
import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from verification.requirements.model import Case, Criterion, Step
from verification.requirements.placeholders import names_in
from verification.requirements.tags import tag_of
from verification.source_scan.parse import parsed
from verification.source_scan.write_set import is_test

TRIVIAL_INT_MAX = 100  # smaller numbers occur in any code
TRIVIAL_CHARS_MAX = 1
_ECHO = (
    *(ast.Call, ast.keyword, ast.Name, ast.expr_context, ast.Compare, ast.cmpop, ast.UnaryOp, ast.unaryop),
    *(ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.JoinedStr, ast.FormattedValue),
)


def hard_coded_path(
    criterion: Criterion, changed: Iterable[str], tree: Mapping[str, bytes], base: Mapping[str, bytes]
) -> str | None:
    """Return the changed file that contains at least half of the criterion's distinctive visible cases, or None."""
    cases = [values for case in criterion.cases if (values := telling_values(case))]
    if not cases:
        return None
    for path in _code(changed, tree):
        literals = _literals(tree[path]) - _literals(base.get(path, b""))
        found = sum(given <= literals and wanted <= literals for given, wanted in cases)
        if found * 2 >= len(cases) and found:
            return path
    return None


def telling_values(case: Case) -> tuple[set[Any], set[Any]] | None:
    """Return the distinctive literals of a case: those of its arguments, and those of its results.

    Code does not contain a distinctive literal by chance. Return None if the arguments or the results have none.
    """
    given: set[Any] = set()
    wanted: set[Any] = set()
    for step in case.steps:
        given.update(_leaves(_inputs(step)))
        returns = None if step.expect.returns is msgspec.UNSET else step.expect.returns
        wanted.update(_leaves([returns, step.expect.stdout, *step.expect.files_after.values()]))
        if step.request is not None:
            given.update(_values([_plain(step.request.json), step.request.send]))
            wanted.update(_values([_plain(step.request.reply.body), step.request.reply.body_contains]))
    if not given:  # the query distinguishes a case without a body
        given.update(_values([_query(step.request.target) for step in case.steps if step.request is not None]))
    return (given, wanted) if given and wanted else None


def _inputs(step: Step) -> list[Any]:
    """Return the inputs of a step. Only the content of files counts, because any code may contain their names."""
    contents = list(step.files_before.values())
    if any(map(_tells, contents)):
        return contents
    return [list(step.args), list(step.kwargs.values()), list(step.argv[1:]), step.stdin]


def _plain(value: Any) -> Any:
    return None if value is msgspec.UNSET else value


def _query(target: str) -> list[str]:
    return [value for _, value in parse_qsl(urlsplit(target).query)]


def _values(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the values of a JSON body, without saved values and without keys. Any code may contain the keys."""
    if isinstance(value, dict) and not any(str(key).startswith("$") for key in value):
        yield from _values(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from _values(item)
    elif not any(True for _ in names_in(value)):
        yield from _leaves(value)


def _leaves(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the distinctive scalars of a value with their types, because 1 is not 1.0. Patterns are skipped."""
    if tag_of(value) == "$bytes":
        value = base64.b64decode(value["$bytes"])
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in ("$any", "$matches"):
                yield from _leaves(item)
            if not key.startswith("$"):
                yield from _leaves(key)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    elif _tells(value):
        yield _leaf(value)


def _leaf(value: Any) -> tuple[str, Any]:
    """Return a scalar with its type. A text loses the line ends around it, because `print` adds a line end."""
    return type(value).__name__, value.strip("\n") if isinstance(value, str) else value


def _tells(value: Any) -> bool:
    if isinstance(value, str | bytes):
        return len(value.strip()) > TRIVIAL_CHARS_MAX
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) > TRIVIAL_INT_MAX or value != int(value)


def _code(changed: Iterable[str], tree: Mapping[str, bytes]) -> list[str]:
    """Return the changed Python files, without tests, which may contain examples. Include tests that code imports."""
    files = [path for path in changed if path in tree and path.endswith(".py")]
    code = [path for path in files if not is_test(path)]
    imported = {name for path in code for name in _imports(tree[path])}
    return code + [path for path in files if is_test(path) and _module(path) & imported]


def _module(path: str) -> set[str]:
    parts = path.removesuffix(".py").split("/")
    return {".".join(parts), ".".join(parts[:-1]) if len(parts) > 1 else parts[0], parts[-1]}


def _imports(source: bytes) -> set[str]:
    tree = parsed(source)
    found: set[str] = set()
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
            found.update(alias.name for alias in node.names)
    return found


def _literals(source: bytes) -> set[tuple[str, Any]]:
    """Return the constants of a file, except in shown examples, in assertions and in the `__main__` block."""
    tree = parsed(source)
    return {leaf for part in tree.body if not _is_echo(part) for leaf in _constants(part)} if tree else set()


def _is_echo(node: ast.stmt) -> bool:
    """Return whether a top-level expression only shows an example: `f("a")`, `f("a") == "b"`, `print`.

    An expression that could choose a result by the input, or that could fill a table, is more than an example.
    """
    return isinstance(node, ast.Expr) and all(isinstance(part, _ECHO) for part in ast.walk(node.value))


def _constants(top: ast.AST) -> Iterator[tuple[str, Any]]:
    left = [top]
    while left:
        node = left.pop()
        if isinstance(node, ast.Assert) or _is_text(node) or _is_main_block(node):
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes | int | float):
            yield _leaf(node.value)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            number = node.operand.value if isinstance(node.operand, ast.Constant) else None
            if isinstance(number, int | float):
                yield _leaf(-number)
        left.extend(ast.iter_child_nodes(node))


def _is_text(node: ast.AST) -> bool:
    """Return whether a node is a docstring or another bare constant."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_main_block(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "__name__" in {
        name.id for name in ast.walk(node.test) if isinstance(name, ast.Name)
    }
