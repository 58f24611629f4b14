"""The named queries on costs, each with the struct of its rows."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from director.services.views import Query


class ChargeLine(msgspec.Struct, frozen=True, kw_only=True):
    """The sum of a group of charges. A dimension is None if it does not divide the groups. `labels`: JSON."""

    run: UUID | None
    title: str | None
    employee: UUID | None
    name: str | None
    provider: str | None
    model: str | None
    account: str | None
    day: str | None
    price: str | None
    labels: str
    usd: Decimal
    tokens: int
    input_tokens: int
    output_tokens: int
    calls: int
    cut_off: int
    unpriced: int
    estimated: int


class PastAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One ended attempt of an employee. `verdict_us`: the mean time of the verdicts about the employee's work."""

    employee: UUID
    cost_usd: Decimal
    tokens: int
    seconds: Decimal
    verified: bool
    fault: bool
    verdict_us: Decimal


class EstimateLine(msgspec.Struct, frozen=True, kw_only=True):
    """A run with an estimate (JSON), and the facts."""

    run: UUID
    title: str
    estimate: str
    submitted_at: int
    delivered_at: int | None
    outcome: str | None
    spent_usd: Decimal
    spent_tokens: int


CHARGES = Query("door_charges", ChargeLine)
"""The sums of groups of charges. Parameters: first time, end, labels (JSON), dimensions, dimensions that are labels."""
PAST = Query("door_past", PastAttempt)
"""The last ended attempts of each employee. Parameter: the most attempts of one employee."""
ESTIMATES = Query("door_estimates", EstimateLine)
"""The runs with an estimate, the newest first. Parameter: one run, or None."""
QUERIES: tuple[Query[Any], ...] = (CHARGES, PAST, ESTIMATES)
