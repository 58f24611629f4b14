"""Costs as text: a table of groups, CSV, and the comparison with a provider's usage file."""

import csv
import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from director.terminal.escape import visible
from director.terminal.text import money, table

_TITLES = {"run": ("run", "title"), "employee": ("name",)}
"""Dimension -> the columns that are shown for it. Other dimensions have one column of their own name."""
_SUMS = ("usd", "tokens", "input_tokens", "output_tokens", "calls", "cut_off", "unpriced", "estimated")
NO_COSTS = "No call was charged yet."


def costs_text(lines: Sequence[Mapping[str, Any]], by: Sequence[str]) -> str:
    """Return one line for each group, and below them the total."""
    if not lines:
        return NO_COSTS
    shown = [column for name in by for column in _TITLES.get(name, (name,))]
    header = (
        *(column.replace("name", "employee") for column in shown),
        "cost",
        "tokens",
        "calls",
        "cut off",
        "unpriced",
    )
    rows = [
        (
            *(visible(_cell(line, column)) for column in shown),
            money(line["usd"]),
            *(line[column] for column in ("tokens", "calls", "cut_off", "unpriced")),
        )
        for line in lines
    ]
    total = sum((line["usd"] for line in lines), Decimal(0))
    return f"{table(header, rows)}\nTotal: {money(total)}."


def costs_csv(lines: Sequence[Mapping[str, Any]], by: Sequence[str]) -> bytes:
    """Return the groups as CSV with a header. Costs are in USD, with all their decimals."""
    shown = [
        column for name in by for column in (("employee", "name") if name == "employee" else _TITLES.get(name, (name,)))
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*shown, *_SUMS))
    for line in lines:
        sums = (f"{line[name]:f}" if name == "usd" else line[name] for name in _SUMS)
        writer.writerow((*(_plain(_cell(line, column)) for column in shown), *sums))
    return text.getvalue().encode()


def usage_text(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return the comparison with a usage file as a table. The last column marks the lines that differ."""
    if not lines:
        return "The usage file has no rows."
    rows = [
        (
            *(line["day"], visible(line["model"]) or "-"),
            *_pair(line, "input_tokens"),
            *_pair(line, "output_tokens"),
            *_pair(line, "usd"),
            "differs" if line["differs"] else "equal",
        )
        for line in lines
    ]
    header = ("day", "model", "input", "(file)", "output", "(file)", "USD", "(file)", "")
    return table(header, rows)


def _pair(line: Mapping[str, Any], name: str) -> tuple[object, object]:
    """Return a value of the record and of the file; None for a value that one of them does not have."""
    values = tuple(line[side][name] if line[side] else None for side in ("ours", "theirs"))
    return tuple(f"{value:f}" if isinstance(value, Decimal) else value for value in values)  # type: ignore[return-value]


def _cell(line: Mapping[str, Any], column: str) -> str:
    labels = line.get("labels") or {}
    if column == "label":
        return ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))
    if column.startswith("label."):
        return str(labels.get(column.removeprefix("label.")) or "")
    value = line.get(column)
    return "" if value is None else str(value)


def _plain(cell: str) -> str:
    """Return a cell that a spreadsheet does not take for a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t")) else cell
