"""The events and commands of the organisation. `domain/organisation.py` has its rules, and gives these names too."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal
from uuid import UUID

from domain.caps import Limit, ReturnedPart
from domain.message import ORGANISATION, Command, Event
from domain.money import Amount
from domain.routing.terms import RoutingSetting

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


class CapSet(OrganisationEvent, frozen=True, kw_only=True):
    """The Director set the limit of a cap above runs (domain/caps.py), or removed it: `limit` is None."""

    type = "organisation.cap_set"
    cap: str
    limit: Limit | None


class TrancheLent(OrganisationEvent, frozen=True, kw_only=True):
    """Caps lent tranches to a run: key -> amount. `run.tranche_received` is in the same batch."""

    type = "organisation.tranche_lent"
    for_run: UUID
    amounts: Mapping[str, Amount]


class TrancheReturned(OrganisationEvent, frozen=True, kw_only=True):
    """A run gave tranches back. `run.tranche_returned` is in the same batch."""

    type = "organisation.tranche_returned"
    for_run: UUID
    parts: Mapping[str, ReturnedPart]


class CapWarned(OrganisationEvent, frozen=True, kw_only=True):
    """80% of a cap is spent or lent. `cap`: "organisation", or the key of a tranche. `for_run`: who got the last part.

    The next warning comes only after the limit was changed. Each day of the cap "day" has its own warning.
    """

    type = "organisation.cap_warned"
    cap: str
    for_run: UUID
    limit: Limit
    committed: Amount


class BudgetRaised(OrganisationEvent, frozen=True, kw_only=True):
    """A run has reserved more. `run.budget_raised` is in the same batch."""

    type = "organisation.budget_raised"
    for_run: UUID
    amount: Amount


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


class RoutingSet(OrganisationEvent, frozen=True, kw_only=True):
    """From now on this strategy decides who tries a task. Without this event, employees take turns.

    `value_usd`: the value of a verified task, unless the requirement says it; None: the run's budget by its tasks.
    """

    type = "organisation.routing_set"
    strategy: str
    value_usd: Decimal | None


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
    """`routing`: the first setting of routing. Without it, employees take turns."""

    name: str
    cap: Amount
    routing: RoutingSetting | None = None


class SetBudget(Command, frozen=True, kw_only=True):
    cap: Amount


class SetCap(Command, frozen=True, kw_only=True):
    """`limit`: None removes the cap."""

    cap: str
    limit: Limit | None


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


class SetRouting(Command, frozen=True, kw_only=True):
    routing: RoutingSetting


class BlacklistVersion(Command, frozen=True, kw_only=True):
    employee_version: UUID
    reason: str


class ClearVersion(Command, frozen=True, kw_only=True):
    employee_version: UUID
    reason: str


class SettleBudget(Command, frozen=True, kw_only=True):
    run: UUID
    spent: Amount
