"""The named queries for scorecards, each with the struct of its rows."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from director.services.views import Query


class CardLine(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of one version of an employee at one skill, and the supplier of the version."""

    employee: UUID
    version: UUID
    maker: str | None
    model: str | None
    agent: str | None
    skill: str
    attempts: int
    verified: int
    rejected: int
    failed: int
    declined: int
    faults: int
    first_attempts: int
    first_verified: int
    retries: int
    handed_in: int
    drifted: int
    claims: int
    false_claims: int
    integrity: int
    criteria: int
    usd: Decimal
    time_us: int


class AttemptLine(msgspec.Struct, frozen=True, kw_only=True):
    """One of the last attempts of an employee. The columns are those of the row (`projections/scorecard_rows.py`)."""

    version: UUID
    skill: str
    number: int
    again: bool
    outcome: str
    dropped: int
    integrity: bool
    false_claim: bool
    assigned: UUID
    ended: UUID | None


SCORECARDS = Query("door_scorecards", CardLine)
SCORED_ATTEMPTS = Query("door_scored_attempts", AttemptLine)
QUERIES: tuple[Query[Any], ...] = (SCORECARDS, SCORED_ATTEMPTS)
