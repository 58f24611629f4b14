"""The events and commands of the organisation. `domain/organisation.py` has its rules, and gives these names too."""

from typing import Literal
from uuid import UUID

from domain.message import ORGANISATION, Command, Event
from domain.money import Amount

WorkRole = Literal["implementer", "reviewer"]
"""The two kinds of work: tasks with criteria, and reviews of the work on them."""


class OrganisationEvent(Event, frozen=True, kw_only=True):
    """An event of the organisation."""

    def entity(self) -> tuple[str, UUID]:
        return "organisation", ORGANISATION


class Founded(OrganisationEvent, frozen=True, kw_only=True):
    type = "organisation.founded"
    name: str
    cap: Amount


class BudgetSet(OrganisationEvent, frozen=True, kw_only=True):
    type = "organisation.budget_set"
    cap: Amount


class Paused(OrganisationEvent, frozen=True, kw_only=True):
    type = "organisation.paused"
    reason: str


class Halted(OrganisationEvent, frozen=True, kw_only=True):
    type = "organisation.halted"
    reason: str


class Resumed(OrganisationEvent, frozen=True, kw_only=True):
    type = "organisation.resumed"
    reason: str


class BudgetReserved(OrganisationEvent, frozen=True, kw_only=True):
    type = "organisation.budget_reserved"
    for_run: UUID
    amount: Amount


class BudgetSettled(OrganisationEvent, frozen=True, kw_only=True):
    type = "organisation.budget_settled"
    for_run: UUID
    spent: Amount


class LimitAccepted(OrganisationEvent, frozen=True, kw_only=True):
    """The machine may give verdicts although its boxes do not hold this limit. Each such verdict names the limit."""

    type = "organisation.limit_accepted"
    machine: str
    limit: str
    reason: str


class LimitWithdrawn(OrganisationEvent, frozen=True, kw_only=True):
    """The machine may give verdicts only if its boxes hold this limit again."""

    type = "organisation.limit_withdrawn"
    machine: str
    limit: str
    reason: str


class FallbackSet(OrganisationEvent, frozen=True, kw_only=True):
    """From now on these employees do the work of a role, in this order. Nobody: there is no chain, everybody may work.

    The next employee gets a task only if the ones before it cannot do it (domain/fallback.py).
    """

    type = "organisation.fallback_set"
    role: WorkRole
    employees: tuple[UUID, ...]


class VersionBlacklisted(OrganisationEvent, frozen=True, kw_only=True):
    """No employee may work with this version (`version_of` a profile)."""

    type = "organisation.version_blacklisted"
    employee_version: UUID
    reason: str


class VersionCleared(OrganisationEvent, frozen=True, kw_only=True):
    """Employees may work with this version again. Who was suspended for it stays suspended until a reinstatement."""

    type = "organisation.version_cleared"
    employee_version: UUID
    reason: str


class Found(Command, frozen=True, kw_only=True):
    name: str
    cap: Amount


class SetBudget(Command, frozen=True, kw_only=True):
    cap: Amount


class Pause(Command, frozen=True, kw_only=True):
    reason: str


class Halt(Command, frozen=True, kw_only=True):
    reason: str


class Resume(Command, frozen=True, kw_only=True):
    reason: str


class AcceptLimit(Command, frozen=True, kw_only=True):
    machine: str
    limit: str
    reason: str


class WithdrawLimit(Command, frozen=True, kw_only=True):
    machine: str
    limit: str
    reason: str


class SetFallback(Command, frozen=True, kw_only=True):
    role: WorkRole
    employees: tuple[UUID, ...]


class BlacklistVersion(Command, frozen=True, kw_only=True):
    employee_version: UUID
    reason: str


class ClearVersion(Command, frozen=True, kw_only=True):
    employee_version: UUID
    reason: str


class SettleBudget(Command, frozen=True, kw_only=True):
    run: UUID
    spent: Amount
