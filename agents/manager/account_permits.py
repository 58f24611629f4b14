"""The account of each permitted call. Permits that the rows do not show yet are remembered, so no limit is exceeded."""

from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from agents.manager.account_reasons import closed_text
from agents.manager.accounts import WAIT_MAX_S, AccountCapacity, AccountStanding
from agents.permits import NO_ACCOUNT, PermitAnswer, PermitRequest
from bus.clock import now
from bus.projection_rows import Rows
from domain.attempt import Attempt
from domain.money import Amount
from projections import manager as manager_view
from projections.openrun import open_attempts, state_of

MICRO = 1_000_000


class _Given(NamedTuple):
    run: UUID
    task: UUID
    account: str
    bound: Amount


class AccountPermits:
    """Chooses the account of a call by the manager's rows. It is a part of the duty that permits calls."""

    def __init__(self) -> None:
        self._given: dict[tuple[UUID, int], _Given] = {}

    def choose(self, request: PermitRequest, attempt: Attempt, rows: Rows | None) -> str | PermitAnswer:
        """Return the account of a call, or the refusal if none may take it. A chosen account counts until the rows show
        the call, or until `forget`.

        The account of the attempt's last call comes first, then those that the employee names, in order.
        """
        row = rows.get(manager_view.EmployeeRow, attempt.employee, "employee") if rows is not None else None
        if rows is None or row is None:
            return attempt.account
        names = row.profile.accounts
        if not names:
            return ""
        capacity = self._capacity(rows, attempt.order)
        account = capacity.choose(names, request.bound, request.avoid, attempt.account)
        if account is None:
            return _refusal(capacity.standings(names, request.bound, request.avoid), row.name)
        self._given[request.order, request.index] = _Given(request.run, request.task, account, request.bound)
        return account

    def forget(self, request: PermitRequest) -> None:
        """Forget a choice whose event does not count."""
        self._given.pop((request.order, request.index), None)

    def _capacity(self, rows: Rows, order: UUID) -> AccountCapacity:
        capacity = AccountCapacity.of(rows, now())
        for attempt in open_attempts(rows):
            capacity.add(replace(attempt, account="") if attempt.order == order else attempt)
        for (of_order, index), given in [*self._given.items()]:
            if _is_shown(rows, of_order, index, given):
                del self._given[of_order, index]
            else:
                capacity.take(given.account, given.bound, unseen=True)
        return capacity


def _is_shown(rows: Rows, order: UUID, index: int, given: _Given) -> bool:
    """Return whether the rows show this call, or the end of its order."""
    state = state_of(rows, given.run)
    part = state.tasks.get(given.task) if state is not None else None
    attempt = part.orders.get(order) if part is not None else None
    return attempt is None or attempt.ended or attempt.calls > index


def _refusal(standings: list[AccountStanding], name: str) -> PermitAnswer:
    """Return the refusal if no account may take the call. A worker asks again if one is expected to be open soon."""
    soon = now() + WAIT_MAX_S * MICRO
    again = any(
        each.state in ("full", "failed_now") or (each.until is not None and each.until <= soon) for each in standings
    )
    return PermitAnswer(status="refused", code=NO_ACCOUNT, message=closed_text(name, standings), again=again)
