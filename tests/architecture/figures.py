"""Figures of the code for CONTRIBUTING.md. `python -m tests.architecture.figures` writes the table again.

With `--run`, a requirement is also followed from `aura submit` to its delivery (`tests/architecture/journey.py`). This
needs the embedded servers and a sandbox, and takes about half a minute.
"""

import argparse
import ast
import re
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median

from tests.architecture.packages import PACKAGES

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "CONTRIBUTING.md"
DRIFT_MAX = 0.1
"""Largest share by which a figure of the page may differ from the code. If it differs more, write the table again."""


@dataclass(frozen=True)
class Figures:
    """Figures of one tree of sources. Lines include blank lines and comments."""

    files: int
    lines: int
    file_lines_median: float
    file_lines_max: int
    function_lines_median: float
    function_lines_95th: int
    function_lines_max: int
    comments: float  # lines with a comment, per line
    tests: float  # lines of tests, per line of code
    cycles: int  # 0, or 1 where there are some

    def rows(self) -> Mapping[str, str]:
        """Return name -> value of each figure, as in the table."""
        return {
            "files": f"{self.files}",
            "lines": f"{self.lines:,}",
            "lines per file: median, largest": f"{self.file_lines_median:g}, {self.file_lines_max}",
            "lines per function: median, 95th percentile, largest": (
                f"{self.function_lines_median:g}, {self.function_lines_95th}, {self.function_lines_max}"
            ),
            "lines with a comment": f"{self.comments:.1%}",
            "lines of tests per line of code": f"{self.tests:.2f}",
            "import cycles between files": "none" if not self.cycles else "some",
        }


def figures_of(root: Path) -> Figures:
    """Measure the sources below `root`."""
    sources = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]
    texts = {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in sources}
    trees = {path: ast.parse(text) for path, text in texts.items()}
    lines = [len(text.splitlines()) for text in texts.values()]
    functions = [length for tree in trees.values() for length in function_lengths(tree)]
    tests = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (root / "tests").rglob("*.py"))
    return Figures(
        files=len(lines),
        lines=sum(lines),
        file_lines_median=median(lines),
        file_lines_max=max(lines),
        function_lines_median=median(functions),
        function_lines_95th=sorted(functions)[int(0.95 * len(functions))],
        function_lines_max=max(functions),
        comments=sum(map(comment_lines, sources)) / sum(lines),
        tests=tests / sum(lines),
        cycles=has_cycle(imports_of(trees)),
    )


def function_lengths(tree: ast.AST) -> Iterator[int]:
    """Yield the lines of each function, without its decorators."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (node.end_lineno or node.lineno) - node.lineno + 1


def comment_lines(path: Path) -> int:
    """Count the lines with a comment, also if code is before it. Docstrings do not count."""
    with path.open("rb") as file:
        return sum(token.type == tokenize.COMMENT for token in tokenize.tokenize(file.readline))


def imports_of(trees: Mapping[str, ast.Module]) -> Mapping[str, set[str]]:
    """Return, for each module, the modules of the project that it imports, including imports inside functions."""
    names = {path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): tree for path, tree in trees.items()}
    found: dict[str, set[str]] = {}
    for name, tree in names.items():
        wanted: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                wanted |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                wanted |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        found[name] = (wanted & names.keys()) - {name}
    return found


def has_cycle(graph: Mapping[str, set[str]]) -> int:
    """Return 1 if modules import each other in a cycle, else 0."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        return 1
    return 0


def table_of(figures: Figures) -> str:
    """Return the figures as a table of the page."""
    lines = ["| figure | here |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in figures.rows().items())]
    return f"Measured on {datetime.now(UTC):%Y-%m-%d}.\n\n" + "\n".join(lines)


def block_of(page: str, name: str) -> str:
    """Return the text of a block of the page. Raises ValueError if the block is missing."""
    found = _block(name).search(page)
    if found is None:
        raise ValueError(f"the page has no block <!-- {name} -->")
    return found[1].strip()


def with_block(page: str, name: str, text: str) -> str:
    """Return the page with a new text in one block. Raises ValueError if the block is missing."""
    block_of(page, name)
    return _block(name).sub(lambda _: f"<!-- {name} -->\n{text}\n<!-- end of {name} -->", page)


def drifted(page: str, figures: Figures) -> list[str]:
    """Name the figures of the page that differ from the code by more than DRIFT_MAX."""
    shown = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", block_of(page, "figures"), re.MULTILINE))
    return [name for name, value in figures.rows().items() if not _near(shown.get(name, ""), value)]


def _near(one: str, other: str) -> bool:
    numbers, others = (_numbers(text) for text in (one, other))
    if len(numbers) != len(others) or not numbers:
        return one == other
    return all(abs(a - b) <= DRIFT_MAX * max(a, b) for a, b in zip(numbers, others, strict=True))


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", re.sub(r"(?<=\d),(?=\d{3})", "", text))]


def _block(name: str) -> re.Pattern[str]:
    return re.compile(rf"<!-- {name} -->\n(.*?)<!-- end of {name} -->", re.DOTALL)


def main() -> None:
    """Write the tables of CONTRIBUTING.md again."""
    parser = argparse.ArgumentParser(description="Measure the code, and write the tables of CONTRIBUTING.md anew.")
    parser.add_argument(
        "--run", action="store_true", help="follow a requirement from `aura submit` to its delivery, too"
    )
    wanted = parser.parse_args()
    page = with_block(PAGE.read_text(encoding="utf-8"), "figures", table_of(figures_of(ROOT)))
    if wanted.run:
        from tests.architecture.journey import journey_text, travelled

        page = with_block(page, "journey", journey_text(travelled()))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
