"""The named queries on the consumers' rows, each with the struct of its rows.

A struct names the columns that its readers use. tests/integration/test_views.py checks that the query returns them
with the right types.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from bus.store import Store
from domain.errors import Unavailable
from sql import named

Row = TypeVar("Row", bound=msgspec.Struct)


class Query(Generic[Row]):
    """A query of sql/queries, and the struct of a row. Times are microseconds UTC."""

    def __init__(self, name: str, row: type[Row]) -> None:
        self.name = name
        self.row = row

    async def read(self, store: Store, *parameters: Any) -> list[Row]:
        """Return the rows; no rows if their consumer never ran. Raises Unavailable for rows of another release."""
        columns = self.row.__struct_fields__
        return [
            self.row(**{column: _plain(record[column]) for column in columns})
            for record in await fetch(store, self.name, *parameters)
        ]

    async def first(self, store: Store, *parameters: Any) -> Row | None:
        """Return the first row; None if there is none."""
        return next(iter(await self.read(store, *parameters)), None)


class RunLine(msgspec.Struct, frozen=True, kw_only=True):
    """A run, from the manager's rows. `shadow_of`: whose task it repeats. `override_of`: whose work it releases."""

    run: UUID
    title: str
    phase: str
    outcome: str | None
    reason: str | None
    submitted_at: int
    ended_at: int | None
    spent_usd: Decimal
    spent_tokens: int
    commit_id: str | None
    folder: str | None
    branch: str | None
    release_ref: str | None
    shadow_of: UUID | None
    override_of: UUID | None
    overridden_by: UUID | None


class ListedRun(RunLine, frozen=True, kw_only=True):
    """A run in the list of runs. `tasks`: the number of its tasks. `verified`: the number of verified tasks."""

    tasks: int
    verified: int


class CallLine(msgspec.Struct, frozen=True, kw_only=True):
    """One call of an attempt. `verified`: None before a verdict. `findings`: JSON. `prompt` and `answer`: digests."""

    order_id: str
    task_name: str | None
    employee_name: str | None
    attempt: int
    outcome: str | None
    message: str | None
    model: str | None
    prompt: str | None
    answer: str | None
    tokens: int | None
    cost_usd: Decimal | None
    verified: bool | None
    findings: str


class OrganisationLine(msgspec.Struct, frozen=True, kw_only=True):
    """The organisation. `state`: the manager's fold of it, as JSON."""

    phase: str
    state: str


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """An employee. `phase`: working, suspended or dismissed. `profile`: JSON. `version`: the id of its version now.

    `strikes`: the number that counts. `reversed`: strikes that an appeal reversed. `until`: the end of the suspension.
    `tier`: empty without a career. `appeals`: the number of open appeals. `rehire_from`: the time before which it may
    not be hired again.
    """

    employee: UUID
    name: str
    provider: str
    model: str
    scripted: bool
    phase: str
    strikes: int
    reversed: int
    until: int | None
    probation: bool
    tier: str
    appeals: int
    rehire_from: int | None
    profile: str
    version: UUID
    hired_at: int
    dismissed_at: int | None


class RecordLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an employee's record. The columns are those of HR's row (`projections/hr.py`)."""

    employee: UUID
    name: str | None
    kind: str
    reason: str
    at: int
    incident: UUID | None
    step: int | None
    reversed: bool
    until: int | None
    rule: str
    rules_version: str


class CareerLine(msgspec.Struct, frozen=True, kw_only=True):
    """The career of an employee. `tier` and `ceilings` are JSON. `verified` and `failed` are in micro-units.

    `tier_verified`, `tier_failed`: its attempts with a result since the tier began, at `since`.
    """

    employee: UUID
    employed: bool
    tier: str
    ceilings: str
    since: int
    verified: int
    failed: int
    tier_verified: int
    tier_failed: int
    evidence_at: int
    handicap_percent: int


class BlacklistLine(msgspec.Struct, frozen=True, kw_only=True):
    """A blacklisted version of employees."""

    version: UUID
    reason: str
    at: int


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """The work of one employee over all runs. `latency_us` and `verdict_us`: sums, in microseconds."""

    employee: UUID
    attempts: int
    calls: int
    failed: int
    unusable: int
    declined: int
    cut_off: int
    verified: int
    rejected: int
    integrity: int
    first_attempts: int
    first_verified: int
    input_tokens: int
    output_tokens: int
    charged_tokens: int
    charged_usd: Decimal
    unpriced: int
    latency_us: int
    verdict_us: int
    trust: Decimal
    name: str | None
    provider: str | None
    scripted: bool | None
    phase: str | None
    strikes: int | None
    reversed: int | None
    until: int | None
    probation: bool | None
    tier: str | None


class IncidentLine(msgspec.Struct, frozen=True, kw_only=True):
    """An incident. `event`: the event that raised it. `evidence`, `limits` and `measured` are JSON.

    `follows`: what is paused until it is closed. `changed_at`, `changed_by` (a role) and `reason`: its last change.
    """

    incident: UUID
    kind: str
    rule: str
    severity: str
    phase: str
    follows: str
    detail: str
    strike: bool
    event: UUID
    evidence: str
    limits: str
    measured: str
    run: UUID | None
    task: UUID | None
    employee: UUID | None
    employee_name: str | None
    version: UUID | None
    raised_at: int
    changed_at: int
    changed_by: str
    reason: str


class ChainLine(msgspec.Struct, frozen=True, kw_only=True):
    """The fallback chain of a role. `employees`: their ids in order, as JSON."""

    role: str
    employees: str


_chain = msgspec.json.Decoder(tuple[UUID, ...])


def chain_ids(line: ChainLine) -> tuple[UUID, ...]:
    """Return the employees of a fallback chain."""
    return _chain.decode(line.employees)


RUN = Query("door_run", RunLine)
"""One run. Parameter: its id."""
RUNS = Query("door_runs", ListedRun)
"""All runs, the newest first."""
ATTEMPTS = Query("door_attempts", CallLine)
"""The calls of a run, the oldest first. Parameter: the run's id."""
ORGANISATION = Query("door_organisation", OrganisationLine)
"""The organisation. There is no row before it is founded."""
PEOPLE = Query("door_people", Person)
"""All employees that were ever hired, the oldest first."""
RECORD = Query("door_strikes", RecordLine)
"""The record of all employees, the oldest line first."""
BLACKLIST = Query("door_blacklist", BlacklistLine)
CAREERS = Query("door_careers", CareerLine)
SCORES = Query("door_scores", Score)
"""The score of each employee. Employees with more verified work come first."""
FALLBACK = Query("door_fallback", ChainLine)
INCIDENTS = Query("door_incident_list", IncidentLine)
"""The incidents, the oldest first. Parameters: a run or None, an employee or None."""
QUERIES: tuple[Query[Any], ...] = (
    *(RUN, RUNS, ATTEMPTS, ORGANISATION, PEOPLE, RECORD, BLACKLIST, SCORES, CAREERS, FALLBACK, INCIDENTS),
)


async def fetch(store: Store, query: str, *parameters: Any) -> Sequence[Any]:
    """Return the records of a named query, as of the store's `as_of`. Raises the errors of `Query.read`."""
    import asyncpg

    if store.as_of is not None:
        from projections.past_rows import fetch_past

        return await fetch_past(store, store.as_of, query, parameters)
    async with store.connection() as connection:
        try:
            records: Sequence[Any] = await connection.fetch(named(query), *parameters)
        except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
            return []
        except asyncpg.UndefinedColumnError as error:
            raise Unavailable(
                "The organisation's processes run another release than this command, so their rows have other columns.",
                hint="Restart them: aura down, then aura up. Open runs continue.",
                code="other_release",
            ) from error
    return records


def _plain(value: Any) -> Any:
    """Return a value of the database driver. A UUID of the driver's own class becomes a standard UUID."""
    return UUID(int=value.int) if isinstance(value, UUID) else value


async def rows(store: Store, query: str, *parameters: Any) -> list[dict[str, Any]]:
    """Return the rows of a named query as dictionaries, for the queries that have no struct above.

    Raises the errors of `Query.read`.
    """
    return [dict(record.items()) for record in await fetch(store, query, *parameters)]
