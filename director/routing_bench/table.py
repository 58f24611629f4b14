"""A table of models and problems: for each pair, whether the model solved the problem, and what the attempt cost."""

import csv
import json
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

from domain.errors import Invalid, NotFound
from domain.routing.fixed_point import MICRO

COLUMNS = ("model", "problem", "category", "correct", "cost_usd")
TRUE, FALSE = ("1", "true"), ("0", "false")
COST_USD_MAX = 1_000_000
EXAMPLE = "model,problem,category,correct,cost_usd"


class Result(NamedTuple):
    """The result of one attempt. `cost` is in micro-dollars."""

    correct: bool
    cost: int


class Table(NamedTuple):
    """A complete table: each model has one result for each problem. `results[model][problem]` uses their indices."""

    models: tuple[str, ...]
    problems: tuple[str, ...]
    categories: tuple[str, ...]
    results: tuple[tuple[Result, ...], ...]

    def rate(self, model: int) -> int:
        """Return the share of all problems that the model solves, in micro-units."""
        return sum(result.correct for result in self.results[model]) * MICRO // len(self.problems)

    def cost(self, model: int) -> int:
        """Return the average cost of the model's attempts, in micro-dollars."""
        return sum(result.cost for result in self.results[model]) // len(self.problems)


def read_table(path: Path) -> Table:
    """Read a table from a CSV file, or from a file of JSON lines (.jsonl). Raises NotFound or Invalid."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {path}.", hint="Name a table: --table FILE.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} cannot be read: {error}.", hint="Name a CSV file or a file of JSON lines.") from error
    rows = _json_lines(text) if path.suffix in (".jsonl", ".ndjson") else _csv_rows(text)
    return table_of(rows)


def table_of(rows: Iterable[tuple[int, dict[str, Any]]]) -> Table:
    """Return the table of these rows, each with the number of its line. Raises Invalid with the line and a remedy."""
    cells: dict[str, dict[str, Result]] = {}
    categories: dict[str, str] = {}
    for line, row in rows:
        model, problem, category = (_name(row, column, line) for column in COLUMNS[:3])
        of_model = cells.setdefault(model, {})
        if problem in of_model:
            raise _bad(
                line, f"has a second result of {model} for {problem}", "Keep one row for each model and problem."
            )
        if categories.setdefault(problem, category) != category:
            raise _bad(line, f"gives {problem} a second category", f"Write its first category: {categories[problem]}.")
        of_model[problem] = Result(_correct(row, line), _cost(row, line))
    if len(cells) < 2:
        raise Invalid(
            f"The table has {len(cells)} models, and routing needs a choice.", hint="Give rows of at least 2 models."
        )
    return _complete(cells, categories)


def _complete(cells: dict[str, dict[str, Result]], categories: dict[str, str]) -> Table:
    for model, of_model in cells.items():
        missing = next((problem for problem in categories if problem not in of_model), None)
        if missing is not None:
            raise Invalid(
                f"The table has no result of {model} for {missing}.",
                hint="Add this row, or leave out the model or the problem.",
            )
    return Table(
        tuple(cells),
        tuple(categories),
        tuple(categories.values()),
        tuple(tuple(of_model[problem] for problem in categories) for of_model in cells.values()),
    )


def _csv_rows(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(text.splitlines())
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise _bad(1, f"has no column {', '.join(missing)}", f"Write the first line like this: {EXAMPLE}")
    for row in reader:
        yield reader.line_num, row


def _json_lines(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, content in enumerate(text.splitlines(), start=1):
        if not content.strip():
            continue
        try:
            row = json.loads(content)
        except ValueError as error:
            raise _bad(line, "is not JSON", "Write one JSON object on each line.") from error
        if not isinstance(row, dict):
            raise _bad(line, "is not an object", f"Write an object with the keys {', '.join(COLUMNS)}.")
        yield line, row


def _name(row: dict[str, Any], column: str, line: int) -> str:
    value = row.get(column)
    if value is None or not str(value).strip():
        raise _bad(line, f"has no {column}", f"Write a name in the column {column}.")
    return str(value).strip()


def _correct(row: dict[str, Any], line: int) -> bool:
    text = str(row.get("correct")).strip().lower()
    if text not in TRUE + FALSE:
        raise _bad(line, f"has {text!r} in the column correct", "Write 1 or true if it was solved, else 0 or false.")
    return text in TRUE


def _cost(row: dict[str, Any], line: int) -> int:
    text = str(row.get("cost_usd")).strip()
    try:
        cost = Decimal(text)
    except InvalidOperation:
        cost = Decimal("NaN")
    if not cost.is_finite() or not 0 <= cost <= COST_USD_MAX:
        raise _bad(line, f"has {text!r} in the column cost_usd", "Write the cost in US dollars, such as 0.0125.")
    return int(cost * MICRO)


def _bad(line: int, what: str, hint: str) -> Invalid:
    return Invalid(f"Line {line} of the table {what}.", hint=hint)
