"""Scorecards: the numbers of each version at each skill, the events behind them, and the suppliers of the models."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Literal, get_args
from uuid import UUID

import msgspec

from bus.store import Store
from director.services.career_view import Career, careers_in
from director.services.override import OverriddenWork, overrides_of
from director.services.scorecard_views import SCORECARDS, SCORED_ATTEMPTS, AttemptLine, CardLine
from director.services.session import archive, find_employee
from director.services.views import PEOPLE
from director.settings import Settings
from domain.errors import Invalid
from domain.routing.fixed_point import MICRO
from domain.tiers import Record

EVENTS_MAX = 20
"""The most ids of events that are shown for one number, the newest first."""
By = Literal["maker", "model", "agent", "version"]
USD_STEP = Decimal("0.000001")


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one version of an employee at one skill. Rates are in micro-units; None: nothing to divide by.

    `accuracy`: verified attempts per attempt with a result, between `low` and `high` with 90%.
    `first_attempt_rate`: the same for first attempts at a task. `usd_per_verified`, `seconds_per_verified`: of all
    attempts. `scope_adherence`: hand-ins without a path outside the scope. `retries`: attempts at a task that the
    employee had tried before. `false_claims`: sessions that handed in, as complete, work that fails a check which they
    could make themselves; `claims`: all sessions with a hand-in.
    """

    employee: UUID
    name: str
    version: UUID
    model: str
    skill: str
    attempts: int
    verified: int
    rejected: int
    failed: int
    declined: int
    faults: int
    accuracy: int | None
    low: int
    high: int
    first_attempt_rate: int | None
    first_attempts: int
    usd: Decimal
    usd_per_verified: Decimal | None
    seconds_per_verified: int | None
    scope_adherence: int | None
    retries: int
    claims: int
    false_claims: int
    integrity: int


class NumberEvents(msgspec.Struct, frozen=True, kw_only=True):
    """The events behind one number. `count`: of all of the last attempts; at most EVENTS_MAX ids are shown."""

    version: UUID
    skill: str
    number: str
    count: int
    events: tuple[UUID, ...]


class Scorecard(msgspec.Struct, frozen=True, kw_only=True):
    """The scorecard of one employee. `career`: None if it has no tier. `events`: only if they were asked for.

    `overrides`: its work without a good verdict that a person released. No number counts it.
    """

    employee: UUID
    cards: tuple[Card, ...]
    career: Career | None
    events: tuple[NumberEvents, ...] = ()
    overrides: tuple[OverriddenWork, ...] = ()


class Supplier(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of a maker, model, coding agent or version. Rates are in micro-units.

    `false_done_rate`: rejected work per work that was handed in as done. `usd_per_criterion`: all costs per criterion
    of verified work.
    """

    name: str
    attempts: int
    handed_in: int
    verified: int
    false_done: int
    false_done_rate: int | None
    criteria: int
    usd: Decimal
    usd_per_criterion: Decimal | None


async def scorecard(settings: Settings, who: str, *, events: bool = False) -> Scorecard:
    """Return the scorecard of an employee. Raises NotFound for an unknown employee."""
    async with archive(settings) as store:
        return await scorecard_in(store, settings, await find_employee(store, who), events=events)


async def scorecard_in(store: Store, settings: Settings, employee: UUID, *, events: bool = False) -> Scorecard:
    """Return the scorecard of an employee from an open store."""
    lines = [line for line in await SCORECARDS.read(store) if line.employee == employee]
    career = (await careers_in(store, settings)).get(employee)
    overrides = await overrides_of(store, employee)
    attempts = await SCORED_ATTEMPTS.read(store, employee) if events else []
    name = next((person.name for person in await PEOPLE.read(store) if person.employee == employee), str(employee))
    return Scorecard(
        employee=employee,
        cards=tuple(_card(line, name) for line in lines),
        career=career,
        events=tuple(_behind(attempts)),
        overrides=overrides,
    )


async def suppliers(settings: Settings, by: str) -> list[Supplier]:
    """Return the numbers of each supplier, the lowest cost per criterion first. Raises Invalid for another `by`."""
    if by not in get_args(By):
        raise Invalid(f"There is no grouping {by}.", hint=f"Write one of: {', '.join(get_args(By))}.")
    async with archive(settings) as store:
        lines = await SCORECARDS.read(store)
    groups: dict[str, list[CardLine]] = {}
    for line in lines:
        groups.setdefault(_group(line, by), []).append(line)
    found = [_supplier(name, group) for name, group in groups.items()]
    return sorted(found, key=lambda each: (each.usd_per_criterion is None, each.usd_per_criterion or 0, each.name))


def _group(line: CardLine, by: str) -> str:
    if by == "agent":
        return line.agent or "no agent"
    return {"maker": line.maker, "model": line.model, "version": str(line.version)}[by] or "not known"


def _card(line: CardLine, name: str) -> Card:
    results = line.verified + line.rejected + line.failed + line.declined
    low, high = Record(verified=line.verified * MICRO, failed=(results - line.verified) * MICRO).bounds
    return Card(
        employee=line.employee,
        name=name,
        version=line.version,
        model=line.model or "not known",
        skill=line.skill,
        attempts=line.attempts,
        verified=line.verified,
        rejected=line.rejected,
        failed=line.failed,
        declined=line.declined,
        faults=line.faults,
        accuracy=_rate(line.verified, results),
        low=low,
        high=high,
        first_attempt_rate=_rate(line.first_verified, line.first_attempts),
        first_attempts=line.first_attempts,
        usd=line.usd,
        usd_per_verified=_per(line.usd, line.verified),
        seconds_per_verified=line.time_us // line.verified // MICRO if line.verified else None,
        scope_adherence=_rate(line.handed_in - line.drifted, line.handed_in),
        retries=line.retries,
        claims=line.claims,
        false_claims=line.false_claims,
        integrity=line.integrity,
    )


def _rate(count: int, total: int) -> int | None:
    return count * MICRO // total if total else None


def _per(usd: Decimal, count: int) -> Decimal | None:
    return (usd / count).quantize(USD_STEP) if count else None


NUMBERS: tuple[tuple[str, Callable[[AttemptLine], bool]], ...] = (
    ("verified", lambda line: line.outcome == "verified"),
    ("rejected", lambda line: line.outcome == "rejected"),
    ("failed", lambda line: line.outcome == "failed"),
    ("declined", lambda line: line.outcome == "declined"),
    ("faults", lambda line: line.outcome == "fault"),
    ("first_attempts", lambda line: line.number == 1 and line.outcome != "fault"),
    ("retries", lambda line: line.again),
    ("drifted", lambda line: line.dropped > 0),
    ("false_claims", lambda line: line.false_claim),
    ("integrity", lambda line: line.integrity),
)
"""The name of a number -> whether an attempt is counted in it."""


def _behind(attempts: Iterable[AttemptLine]) -> Iterable[NumberEvents]:
    """Yield the events behind each number of each version and skill. `attempts`: the newest first."""
    cells: dict[tuple[UUID, str], list[AttemptLine]] = {}
    for line in attempts:
        cells.setdefault((line.version, line.skill), []).append(line)
    for (version, skill), lines in cells.items():
        for number, counts in NUMBERS:
            counted = [line for line in lines if counts(line)]
            events = tuple(line.ended or line.assigned for line in counted[:EVENTS_MAX])
            if counted:
                yield NumberEvents(version=version, skill=skill, number=number, count=len(counted), events=events)


def _supplier(name: str, lines: list[CardLine]) -> Supplier:
    handed_in, rejected = sum(line.handed_in for line in lines), sum(line.rejected for line in lines)
    usd, criteria = sum((line.usd for line in lines), Decimal(0)), sum(line.criteria for line in lines)
    return Supplier(
        name=name,
        attempts=sum(line.attempts for line in lines),
        handed_in=handed_in,
        verified=sum(line.verified for line in lines),
        false_done=rejected,
        false_done_rate=_rate(rejected, handed_in),
        criteria=criteria,
        usd=usd,
        usd_per_criterion=_per(usd, criteria),
    )
