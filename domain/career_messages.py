"""The events and commands of a career: tiers and fines. `domain/career.py` has the decisions (ADR 0086)."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

import msgspec

from domain.employee_event import EmployeeEvent
from domain.message import Command
from domain.tiers import Ceilings, Record, Tier, TierRules

Breach = Literal["integrity", "claims_beyond_verdict"]
"""The kinds of incidents that can be fined. All of them are dishonest. An honest failure is not in this list."""


class TierChanged(EmployeeEvent, frozen=True, kw_only=True):
    """An employee has another tier. `ceilings`: the upper limits from now on.

    `record`: the numbers from which it follows; from now on, they are the employee's evidence. `lower`, `upper`: the
    bounds of the rate in micro-units. `rule`, `rules_version`: the rule, and the version of all rules of HR.
    """

    before: Tier
    tier: Tier
    ceilings: Ceilings
    record: Record
    lower: int
    upper: int
    rule: str
    rules_version: str


class Promoted(TierChanged, frozen=True, kw_only=True):
    """The employee has risen by one tier. `rule`: "probation" or "rise"."""

    type = "employee.promoted"


class Demoted(TierChanged, frozen=True, kw_only=True):
    """The employee has fallen by one tier. `rule`: "fall", or "trust" if it had no work for too long."""

    type = "employee.demoted"


class Placed(EmployeeEvent, frozen=True, kw_only=True):
    """The tier was set by a decision, or only its ceilings have changed (`rule` "ceilings").

    `rule` is empty for a decision of the Director. `before` is None if the employee had no tier.
    """

    type = "employee.placed"
    before: Tier | None
    tier: Tier
    ceilings: Ceilings
    reason: str
    rule: str = ""
    rules_version: str = ""


class Fined(EmployeeEvent, frozen=True, kw_only=True):
    """A breach of honesty lowers the share of the next work: routing adds `percent` to the employee's costs.

    The fine ends after the employee's next `tasks` attempts with a result. `incident`: the cause. `rule`: its kind.
    """

    type = "employee.fined"
    incident: UUID
    percent: int
    tasks: int
    reason: str
    rule: str
    rules_version: str


class FineRule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The fine for one kind of breach."""

    percent: int
    tasks: int


class FineRules(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The fines by kind of breach. `version`: of all rules of HR."""

    version: str
    fines: Mapping[str, FineRule]


class Assess(Command, frozen=True, kw_only=True):
    """Move an employee by one tier if the record asks for it, or renew its ceilings. `tier`: its tier in the rows."""

    employee: UUID
    tier: Tier
    record: Record
    rules: TierRules


class LoseTrust(Command, frozen=True, kw_only=True):
    """Let an unused employee fall by one tier if its evidence is too old. `tier`: its tier in the rows."""

    employee: UUID
    tier: Tier
    record: Record
    rules: TierRules


class Place(Command, frozen=True, kw_only=True):
    """Set the tier of an employee by a decision of the Director."""

    employee: UUID
    tier: Tier
    ceilings: Ceilings
    rules_version: str
    reason: str


class Fine(Command, frozen=True, kw_only=True):
    """Fine an employee for an incident, if the rules have a fine for its kind."""

    employee: UUID
    incident: UUID
    kind: str
    reason: str
    rules: FineRules
