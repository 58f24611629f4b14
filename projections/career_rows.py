"""The careers of employees as rows of the Accountant: tier, evidence since the tier began, and fines (ADR 0086)."""

from typing import ClassVar
from uuid import UUID

import msgspec
from msgspec.structs import replace

from bus.projection_rows import JsonColumns, Row, Rows
from bus.row_form import id_key
from domain import employee as staff
from domain.employee import version_of
from domain.message import Event, Recorded, TaskEvent
from domain.routing import evidence
from domain.routing.evidence import Attempt, Evidence
from domain.routing.fixed_point import MICRO
from domain.tiers import Ceilings, Record, Tier
from projections.fine_rows import FineRow, handicap_percent, put_fines, result_of
from projections.routing_tables import OpenAttempt, is_shadow

EMPLOYEE = "employee"
_ceilings_decoder = msgspec.json.Decoder(Ceilings | None)
_tier_decoder = msgspec.json.Decoder(Tier | None)


class CareerRow(Row, frozen=True, kw_only=True):
    """The career of one employee. The scope is the employee, the key "employee". Times are microseconds UTC.

    `tier` and `ceilings` are null without a career. `verified`, `failed`, `alarm`: the evidence about the version in
    micro-units, less what a loss of trust has taken. `tier_verified`, `tier_failed`: the attempts with a result since
    the tier began, at `since`. `evidence_at`: the time of the newest evidence. `employed`: false after a dismissal.
    """

    table = "career"
    resident = True
    json_columns: ClassVar[JsonColumns] = {"tier": _tier_decoder, "ceilings": _ceilings_decoder}
    version: UUID
    employed: bool = True
    tier: Tier | None = None
    ceilings: Ceilings | None = None
    since: int
    verified: int = 0
    failed: int = 0
    alarm: int = 0
    tier_verified: int = 0
    tier_failed: int = 0
    evidence_at: int
    handicap_percent: int = 0

    @property
    def record(self) -> Record:
        """The numbers from which the tier follows."""
        return Record(
            verified=self.verified,
            failed=self.failed,
            tier_verified=self.tier_verified,
            tier_failed=self.tier_failed,
            at=self.evidence_at,
        )


CAREER_TABLES: tuple[type[Row], ...] = (CareerRow, FineRow)
"""The tables of careers."""
CAREER_READS: tuple[type[Event], ...] = (staff.EmployeeEvent, TaskEvent)
"""The events that change the rows."""


def put_career(recorded: Recorded, rows: Rows) -> None:
    """Write the rows of careers after one event. This must come before the rows of routing drop the attempt."""
    event, at = recorded.event, recorded.envelope.occurred_at
    if isinstance(event, staff.EmployeeEvent):
        _of_employee(event, at, rows)
    elif isinstance(event, TaskEvent) and (verified := result_of(event)) is not None:
        _result(event, at, rows, verified=verified)
    fined = put_fines(event, rows)
    row = career_of(rows, fined) if fined is not None else None
    if row is not None:
        rows.put(replace(row, handicap_percent=handicap_percent(row.scope, rows)))


def career_of(rows: Rows, employee: UUID) -> CareerRow | None:
    """Return the career of an employee; None if nobody hired it."""
    return rows.get(CareerRow, employee, EMPLOYEE)


def _of_employee(event: staff.EmployeeEvent, at: int, rows: Rows) -> None:
    row = career_of(rows, event.employee)
    match event:
        case staff.Hired(profile=profile, tier=tier, ceilings=ceilings):
            version = version_of(profile)
            if row is None:
                row = CareerRow(scope=event.employee, key=EMPLOYEE, version=version, since=at, evidence_at=at)
            elif row.version != version:
                row = _inherited(row, version)
            rows.put(row if tier is None else replace(row, tier=tier, ceilings=ceilings))
        case staff.Rehired(profile=profile, tier=tier, ceilings=ceilings) if row:
            version = version_of(profile)
            row = replace(row if row.version == version else _inherited(row, version), employed=True)
            if tier is not None and ceilings is not None and (tier != row.tier or event.probation):
                row = _begun(row, tier, ceilings, at)
            rows.put(row)
        case staff.Dismissed() if row:
            rows.put(replace(row, employed=False))
        case staff.TierChanged(tier=tier, ceilings=ceilings, record=record) if row:
            begun = _begun(row, tier, ceilings, at)
            rows.put(replace(begun, verified=record.verified, failed=record.failed, evidence_at=record.at))
        case staff.Placed(tier=tier, ceilings=ceilings) if row:
            same = row.tier == tier
            rows.put(replace(row, ceilings=ceilings) if same else _begun(row, tier, ceilings, at))


def _begun(row: CareerRow, tier: Tier, ceilings: Ceilings, at: int) -> CareerRow:
    """Return the career at the begin of a tier. The evidence stays."""
    return replace(row, tier=tier, ceilings=ceilings, since=at, evidence_at=at, tier_verified=0, tier_failed=0)


def _inherited(row: CareerRow, version: UUID) -> CareerRow:
    """Return the career with a new version, which begins with half of the evidence."""
    half = evidence.inherited(Evidence(verified=row.verified, failed=row.failed))
    return replace(row, version=version, verified=half.verified, failed=half.failed, alarm=0)


def _result(event: TaskEvent, at: int, rows: Rows, *, verified: bool) -> None:
    """Add the result of an attempt. A failure at a task that others have failed counts less (ADR 0080)."""
    row = career_of(rows, event.employee)
    if row is None or is_shadow(rows, event.run):
        return  # the work of a shadow run is not delivered, so it opens and closes nothing
    order: UUID = event.order  # type: ignore[attr-defined]  # every event with a result names its order
    attempt = rows.get(OpenAttempt, event.run, id_key(order))
    rate, rate_now = (attempt.rate, attempt.rate_now) if attempt is not None else (MICRO // 2, MICRO // 2)
    before = Evidence(verified=row.verified, failed=row.failed, alarm=row.alarm)
    after = evidence.after(before, Attempt(verified=verified, rate=rate, rate_now=rate_now, cost=0))
    rows.put(
        replace(
            row,
            verified=after.verified,
            failed=after.failed,
            alarm=after.alarm,
            tier_verified=row.tier_verified + verified,
            tier_failed=row.tier_failed + (not verified),
            evidence_at=at,
        )
    )
