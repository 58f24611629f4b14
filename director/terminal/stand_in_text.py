"""The employees that stood in for others of their fallback chain, as text for people."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from domain.fallback import PassedOver

REASONS: Mapping[PassedOver, str] = {
    "dismissed": "was dismissed",
    "suspended": "was suspended",
    "no_price": "has no known price",
    "resting": "rested after a fault of its server",
    "faults_max": "had too many faults with this task",
    "only_repeats": "only repeated rejected answers",
    "may_not_review": "may not review the work: it is the author, or its model has the same maker",
    "other": "could not take the task at that moment, for example because of the rest of the budget",
}
"""Reason -> the rest of a sentence that begins with the name of the employee."""


def stand_in_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return one line for each order that an employee got in place of earlier ones of its chain."""
    lines = []
    for _, group in groupby(rows, key=lambda row: row["order_id"]):
        passed_over = list(group)
        first = passed_over[0]
        why = "; ".join(f"{_name(row, 'passed_over')} {_reason(row['reason'])}" for row in passed_over)
        names = ", ".join(_name(row, "passed_over") for row in passed_over)
        who = f"{_name(first, 'employee')} stood in for {names}"
        lines.append(f"{first['task_name']}, attempt {first['attempt']}: {who} ({why})")
    return lines


def _name(row: Mapping[str, Any], field: str) -> str:
    return row[f"{field}_name"] or str(row[field])[:13]


def _reason(code: str) -> str:
    return next((text for reason, text in REASONS.items() if reason == code), code)
