"""The attempts of a run as of any event, and what they cost in groups."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from bus.store import Store
from director.services.run_at import names_until
from director.services.run_record import attempts_of
from director.services.state import Part, state_of, view_named


class AttemptLine(msgspec.Struct, frozen=True, kw_only=True):
    """One order of an attempt. `verified` None: not judged. `findings`: the reasons of a rejection."""

    task: str
    attempt: int
    employee: str
    model: str
    outcome: str
    message: str
    calls: int
    tokens: int
    usd: Decimal
    estimated: bool
    verified: bool | None
    findings: list[dict[str, Any]]


class CostGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of the work of an employee on a task."""

    task: str
    employee: str
    model: str
    attempts: int
    calls: int
    tokens: int
    usd: Decimal
    estimated: bool


async def attempts_at(store: Store, run: UUID, seq: int | None = None) -> list[AttemptLine]:
    """Return the attempts of a run as of an event, oldest first; None: as they are now."""
    if seq is None:
        found = await attempts_of(store, run)
    else:
        state = await state_of(store, view_named("auditor.attempt"), str(seq), Part(run=str(run)))
        found = [row | {"findings": _findings(row["findings"])} for row in state.tables["attempt"]]
    story = await names_until(store, seq)
    return [
        _line(row, story.task_name(UUID(str(row["task"]))), story.names.get(UUID(str(row["employee"])), "?"))
        for row in sorted(found, key=lambda row: (row["assigned_at"], row["attempt"]))
    ]


def grouped(lines: Sequence[AttemptLine]) -> list[CostGroup]:
    """Return the cost of each employee's work on each task."""
    groups: dict[tuple[str, str, str], list[AttemptLine]] = {}
    for line in lines:
        groups.setdefault((line.task, line.employee, line.model), []).append(line)
    return [
        CostGroup(
            task=task,
            employee=employee,
            model=model,
            attempts=len({line.attempt for line in part}),
            calls=sum(line.calls for line in part),
            tokens=sum(line.tokens for line in part),
            usd=sum((line.usd for line in part), Decimal(0)),
            estimated=any(line.estimated for line in part),
        )
        for (task, employee, model), part in groups.items()
    ]


def _findings(value: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.json.decode(value) if isinstance(value, str) else value
    return found


def _line(row: dict[str, Any], task: str, employee: str) -> AttemptLine:
    return AttemptLine(
        task=task,
        attempt=row["attempt"],
        employee=employee,
        model=row["model"] or "",
        outcome=row["outcome"] or "",
        message=row["message"] or "",
        calls=row["calls"] or 0,
        tokens=row["tokens"] or 0,
        usd=Decimal(row["cost_usd"] or 0),
        estimated=bool(row["estimated"]),
        verified=row["verified"],
        findings=row["findings"],
    )
