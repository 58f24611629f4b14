"""The table of docs/promises.md, and the tier of a test according to its source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.parsing import parsed

FAST, SLOW = "fast", "slow"
SLOW_MARK = "pytest.mark.slow"
ROW = re.compile(r"^\| (?P<promise>.+?) \| `(?P<file>[\w/]+\.py)::(?P<test>\w+)` \| (?P<tier>\w+) \|$")
HEADS = ("| promise |", "| --- |")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def rows(page: str) -> list[re.Match[str]]:
    """Read each row of the tables. Raises ValueError for a row of another form."""
    found = []
    for line in page.splitlines():
        if not line.startswith("|") or line.startswith(HEADS):
            continue
        row = ROW.match(line)
        if row is None:
            raise ValueError(f"not `| promise | file::test | tier |`: {line}")
        found.append(row)
    return found


def faults(page: str, tests: Path) -> list[str]:
    """Name each row whose test does not exist or is in another tier. An empty list means that the page is right."""
    found = []
    for row in rows(page):
        name, file = f"{row['file']}::{row['test']}", tests / row["file"]
        tier = tier_of(file.read_text(encoding="utf-8"), row["test"]) if file.is_file() else None
        if tier is None:
            found.append(f"{name} does not exist: name the test that holds the promise {row['promise']!r}")
        elif tier != row["tier"]:
            found.append(f"{name} is {tier}, the page says {row['tier']}: {row['promise']!r}")
    return found


def tier_of(source: str, test: str) -> str | None:
    """Return the tier of a test function, or None if the source has no function of this name.

    A test is slow if the function or its whole file has the mark. If only some of its parameters have the mark, the
    test is fast, because the other parameters run in `make test`.
    """
    tree = parsed(source)
    function = next((node for node in tree.body if isinstance(node, Function) and node.name == test), None)
    if function is None or not test.startswith("test_"):
        return None
    marks = {ast.unparse(node) for node in (*function.decorator_list, *_marks_of_the_file(tree))}
    return SLOW if SLOW_MARK in marks else FAST


def _marks_of_the_file(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield the members of `pytestmark`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["pytestmark"]:
            yield from node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
