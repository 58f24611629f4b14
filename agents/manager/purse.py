"""The money of one dispatch: what caps above the runs have left, and the tranches that runs hold of them."""

from collections.abc import Iterator
from uuid import UUID

from agents.manager import end_reasons, routing
from agents.manager.run_ends import end
from bus.projection import Cause
from bus.projection_rows import Rows
from domain import fund_messages
from domain.caps import NO_BOOK, cap_of, day_key, is_of_day, keys_for
from domain.funds import left_of_limit, task_limit
from domain.message import Command
from domain.money import NOTHING, Amount
from domain.run import RunState
from domain.task import TaskState
from domain.tranches import left_of
from projections.openrun import state_of
from projections.organisation_rows import TrancheRow, organisation_state

Payer = tuple[UUID, str]
"""An employee, and the account of its first call; "" if it names none. Their caps pay the attempt."""


def with_account(team: routing.StaffCapacity, employee: UUID, bound: Amount = NOTHING) -> Payer:
    """Return an employee with the account that its next call would use."""
    return employee, team.accounts.choose(team.profiles[employee].accounts, bound) or ""


class Purse:
    """The caps and tranches in the manager's rows. `picks`: assignments that the rows do not show yet."""

    def __init__(self, rows: Rows, picks: routing.Picks, now: int) -> None:
        self._rows = rows
        self._organisation = organisation_state(rows)
        self._picks = picks
        self._now = now

    def keys(self, payer: Payer) -> tuple[str, ...]:
        """Return the tranches that an attempt of this employee with this account needs."""
        return keys_for(self._organisation.caps, *payer, self._now) if self._organisation.caps else ()

    def room(self, key: str) -> Amount:
        """Return what a cap may still lend."""
        return self._organisation.caps[cap_of(key)].spendable(self._committed(key))

    def left_text(self, key: str) -> str:
        """Return what a cap has left, in words."""
        limit = self._organisation.caps[cap_of(key)]
        return left_of_limit(limit, limit.room(self._committed(key)))

    def _committed(self, key: str) -> Amount:
        return self._organisation.books.get(key, NO_BOOK).committed

    def most(self, run: UUID, state: RunState, payer: Payer, left: Amount) -> Amount:
        """Return what an attempt may reserve: `left`, or less if a cap has less."""
        for key in self.keys(payer):
            left = left.at_most(self._left(run, state, key) + self.room(key))
        return left

    def short(
        self, run: UUID, state: RunState, team: routing.StaffCapacity, prompt_tokens: int | None
    ) -> frozenset[UUID]:
        """Return the employees whose caps have too little left for a call."""
        if not self._organisation.caps:
            return frozenset()
        bounds = {who: routing.call_bound_of(profile, prompt_tokens) for who, profile in team.profiles.items()}
        return frozenset(
            who
            for who, bound in bounds.items()
            if not bound.fits(self.most(run, state, with_account(team, who, bound), bound))
        )

    def lend(
        self, run: UUID, state: RunState, payer: Payer, reservation: Amount, cause: Cause
    ) -> fund_messages.LendTranche | None:
        """Return the request for tranches that the attempt lacks; None if the run holds enough."""
        needs = {
            key: reservation + self._picked(run, key)
            for key in self.keys(payer)
            if not reservation.fits(self._left(run, state, key))
        }
        return fund_messages.LendTranche(**cause.fields("manager.lend"), run=run, needs=needs) if needs else None

    def reclaim(
        self, run: UUID, employees: frozenset[UUID], team: routing.StaffCapacity, cause: Cause
    ) -> Iterator[Command]:
        """Yield the return of unused tranches of other runs, of the caps that these employees lack."""
        lacking = {key for who in employees if who in team.profiles for key in self.keys(with_account(team, who))}
        for row in self._rows.all(TrancheRow):
            other = state_of(self._rows, row.scope) if row.key in lacking and row.scope != run else None
            if other is not None and unused(other, row.key):
                fields = cause.fields("manager.reclaim")
                yield fund_messages.ReturnTranche(**fields, run=row.scope, keys=(row.key,))

    def _left(self, run: UUID, state: RunState, key: str) -> Amount:
        return left_of(state.tranches, state.tasks, key) - self._picked(run, key)

    def _picked(self, run: UUID, key: str) -> Amount:
        """Return the reservations of assignments that draw on the tranche and are not in the rows yet."""
        total = NOTHING
        for (other, _), pick in self._picks.items():
            if other == run and key in self.keys((pick.employee, pick.account)):
                total = total + pick.reservation
        return total


def unused(state: RunState, key: str) -> bool:
    """Return whether a run holds a part of a tranche that no open attempt has reserved."""
    left = left_of(state.tranches, state.tasks, key)
    return left.usd > 0 or left.tokens > 0


def within_task(state: RunState, part: TaskState, left: Amount) -> Amount:
    """Return `left`, or less if the task's own budget has less."""
    limit = task_limit(state, part)
    if limit is None:
        return left
    return left.at_most(limit.spendable(part.spent))


def no_budget(run: UUID, state: RunState, part: TaskState, size: int | None, cause: Cause) -> Command:
    """Return what follows when the budget is used up: the run ends, or asks the Director for more."""
    assert state.submitted is not None
    own = within_task(state, part, state.left) != state.left
    why = end_reasons.task_budget_used(state, part) if own else end_reasons.budget_used(state, size)
    if state.submitted.on_budget == "end":
        return end(run, "rejected", why, cause)
    fields = cause.fields("manager.ask")
    return fund_messages.RequestFunds(**fields, run=run, task=part.id if own else None, reason=why)


def cap_changed(rows: Rows, cap: str, cause: Cause) -> Iterator[Command]:
    """Yield the return of the tranches of a cap whose limit has changed. Runs ask again for what they need."""
    for row in rows.all(TrancheRow):
        if cap_of(row.key) == cap:
            fields = cause.fields("manager.return")
            yield fund_messages.ReturnTranche(**fields, run=row.scope, keys=(row.key,))


def past_days(rows: Rows, now: int) -> Iterator[tuple[UUID, str]]:
    """Yield the tranches of days that are over, each with its run, unless they are closed already."""
    for row in rows.all(TrancheRow):
        if is_of_day(row.key) and row.key < day_key(now):
            state = state_of(rows, row.scope)
            held = state.tranches.get(row.key) if state is not None else None
            if held is not None and not held.closed:
                yield row.scope, row.key
