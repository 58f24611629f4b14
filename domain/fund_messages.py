"""The events and commands about the money of a run: tranches of caps above it, warnings, and a larger budget."""

from collections.abc import Mapping
from uuid import UUID

from domain.caps import Limit, ReturnedPart
from domain.message import RunEvent
from domain.money import Amount
from domain.run_messages import RunCommand


class TrancheReceived(RunEvent, frozen=True, kw_only=True):
    """The run holds tranches of caps: key (domain/caps.py) -> amount. The organisation lent them in the same batch."""

    type = "run.tranche_received"
    amounts: Mapping[str, Amount]


class TrancheReturned(RunEvent, frozen=True, kw_only=True):
    """The run gave tranches back. The organisation took them in the same batch."""

    type = "run.tranche_returned"
    parts: Mapping[str, ReturnedPart]


class BudgetWarned(RunEvent, frozen=True, kw_only=True):
    """80% of the budget of the run, or of one task, is spent or reserved. `task`: None for the run's own budget."""

    type = "run.budget_warned"
    task: UUID | None = None
    limit: Limit
    committed: Amount


class BudgetRaised(RunEvent, frozen=True, kw_only=True):
    """The Director raised the budget of the run, or of one task. `due_at`: the end of the run's minutes from now on."""

    type = "run.budget_raised"
    task: UUID | None = None
    amount: Amount
    due_at: int
    reason: str = ""


class FundsRequested(RunEvent, frozen=True, kw_only=True):
    """The run asks the Director for a larger budget, and waits. `task`: the task whose own budget is too small.

    `at`: the time of the request, from which the run's minutes stand still. `until`: the end of the wait.
    """

    type = "run.funds_requested"
    task: UUID | None = None
    reason: str
    at: int
    until: int


class FundsRefused(RunEvent, frozen=True, kw_only=True):
    """The Director refused a larger budget. The run then ends."""

    type = "run.funds_refused"
    reason: str


class LendTranche(RunCommand, frozen=True, kw_only=True):
    """`needs`: key of a tranche -> what the run must have left of it."""

    needs: Mapping[str, Amount]


class ReturnTranche(RunCommand, frozen=True, kw_only=True):
    """`keys`: the tranches whose unused part goes back. Empty: all."""

    keys: tuple[str, ...] = ()


class RaiseBudget(RunCommand, frozen=True, kw_only=True):
    """`task`: raise only the budget of this task. None: raise the run's budget."""

    task: UUID | None = None
    amount: Amount
    reason: str = ""


class RequestFunds(RunCommand, frozen=True, kw_only=True):
    """`task`: the task whose own budget is too small; None: the run's budget is."""

    task: UUID | None = None
    reason: str


class RefuseFunds(RunCommand, frozen=True, kw_only=True):
    reason: str
