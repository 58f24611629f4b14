"""The organisation. It is founded once, and can be paused, halted and resumed. It reserves budget for each run."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.errors import Conflict, Invalid, LimitReached, Refused
from domain.lent import NOTHING_LENT, Lent
from domain.message import ORGANISATION, Command, Erased, Event
from domain.money import NOTHING, Amount, checked, left_text

Phase = Literal["unfounded", "running", "paused", "halted"]
WorkRole = Literal["implementer", "reviewer"]
"""The two kinds of work: tasks with criteria, and reviews of the work on them."""
FALLBACK_EMPLOYEES_MAX = 16
"""The most employees of one fallback chain."""


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


class SettleBudget(Command, frozen=True, kw_only=True):
    run: UUID
    spent: Amount


class OrganisationState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    phase: Phase = "unfounded"
    cap: Amount = NOTHING
    lent: Lent = NOTHING_LENT  # run -> the budget that it has reserved
    spent: Amount = NOTHING
    accepted: Mapping[str, tuple[str, ...]] = {}  # machine -> the limits that its boxes need not hold
    fallback: Mapping[WorkRole, tuple[UUID, ...]] = {}  # role -> its chain of employees

    @property
    def committed(self) -> Amount:
        """The sum of the amount spent and the reserved budgets of open runs."""
        return self.spent + self.lent.total


initial = OrganisationState()


def decide(command: Command, state: OrganisationState) -> tuple[OrganisationEvent, ...]:
    match command:
        case Found(name=name, cap=cap):
            if state.phase != "unfounded":
                raise Conflict("The organisation already exists.", hint="Use it. Only its budget can be changed.")
            return (Founded(name=name, cap=checked(cap, "The organisation's budget")),)
        case SetBudget(cap=cap):
            _founded(state)
            return (BudgetSet(cap=checked(cap, "The organisation's budget")),) if cap != state.cap else ()
        case Pause(reason=reason):
            return _stop(state, "paused", reason)
        case Halt(reason=reason):
            return _stop(state, "halted", reason)
        case Resume(reason=reason):
            _founded(state)
            if state.phase == "running":
                raise Refused("The organisation is running.", hint="You need not resume it.")
            return (Resumed(reason=_reason(reason)),)
        case AcceptLimit(machine=machine, limit=limit, reason=reason):
            _founded(state)
            if limit in state.accepted.get(machine, ()):
                return ()
            return (LimitAccepted(machine=machine, limit=limit, reason=_reason(reason)),)
        case WithdrawLimit(machine=machine, limit=limit, reason=reason):
            _founded(state)
            if limit not in state.accepted.get(machine, ()):
                raise Refused(
                    f"The limit {limit} is not accepted for machine {machine}, so it cannot be withdrawn.",
                    hint="`aura sandbox probe` shows the accepted limits.",
                )
            return (LimitWithdrawn(machine=machine, limit=limit, reason=_reason(reason)),)
        case SetFallback(role=role, employees=employees):
            _founded(state)
            if state.fallback.get(role, ()) == employees:
                return ()
            return (FallbackSet(role=role, employees=_chain(role, employees)),)
        case SettleBudget(run=run, spent=spent):
            if run not in state.lent:
                return ()
            return (BudgetSettled(for_run=run, spent=checked(spent, "The run's spending")),)
    raise TypeError(f"not a command of the organisation: {type(command).__name__}")


def lend(state: OrganisationState, run: UUID, amount: Amount) -> BudgetReserved:
    """Decide the organisation's part of an admission: reserve the run's whole budget, or refuse.

    Raises Refused if the organisation is not running, and LimitReached if its budget is too small.
    """
    _founded(state)
    if state.phase != "running":
        raise Refused(
            f"The organisation is {state.phase}.", hint="Run `aura resume` to start it again. The run then continues."
        )
    if not (state.committed + amount).fits(state.cap):
        raise LimitReached(
            f"The organisation has {left_text(state.cap - state.committed)}, but this run needs "
            f"{amount.usd} USD and {amount.tokens} tokens.",
            hint="Lower the run's budget, wait until another run ends, or raise the organisation's budget.",
        )
    return BudgetReserved(for_run=run, amount=amount)


def _stop(state: OrganisationState, phase: Literal["paused", "halted"], reason: str) -> tuple[OrganisationEvent, ...]:
    _founded(state)
    if state.phase == phase or (phase == "paused" and state.phase == "halted"):
        raise Refused(f"The organisation is already {state.phase}.", hint="`aura resume` starts it again.")
    return (Paused(reason=_reason(reason)),) if phase == "paused" else (Halted(reason=_reason(reason)),)


def _chain(role: WorkRole, employees: tuple[UUID, ...]) -> tuple[UUID, ...]:
    if len(employees) > FALLBACK_EMPLOYEES_MAX:
        raise Invalid(
            f"The fallback chain of the role {role} has {len(employees)} employees. "
            f"The limit is {FALLBACK_EMPLOYEES_MAX}.",
            hint="Name the employees that matter most.",
        )
    if len(set(employees)) < len(employees):
        raise Invalid(
            f"The fallback chain of the role {role} names an employee twice.", hint="Name each employee once."
        )
    return employees


def _founded(state: OrganisationState) -> None:
    if state.phase == "unfounded":
        raise Refused("There is no organisation yet.", hint="Run `aura up` first. It founds the organisation.")


def _reason(text: str) -> str:
    if not text.strip():
        raise Invalid("A reason is needed, because it is recorded.", hint='Add --reason "why".')
    return text.strip()


def evolve(state: OrganisationState, event: Event | Erased) -> OrganisationState:
    match event:
        case Founded(cap=cap):
            return replace(state, phase="running", cap=cap)
        case BudgetSet(cap=cap):
            return replace(state, cap=cap)
        case Paused():
            return replace(state, phase="paused")
        case Halted():
            return replace(state, phase="halted")
        case Resumed():
            return replace(state, phase="running")
        case BudgetReserved(for_run=run, amount=amount):
            return replace(state, lent=state.lent.with_amount(run, amount))
        case BudgetSettled(for_run=run, spent=spent):
            return replace(state, lent=state.lent.without(run), spent=state.spent + spent)
        case LimitAccepted(machine=machine, limit=limit):
            limits = (*state.accepted.get(machine, ()), limit)
            return replace(state, accepted={**state.accepted, machine: limits})
        case LimitWithdrawn(machine=machine, limit=limit):
            limits = tuple(each for each in state.accepted.get(machine, ()) if each != limit)
            return replace(state, accepted={**state.accepted, machine: limits})
        case FallbackSet(role=role, employees=employees):
            return replace(state, fallback=_with_chain(state.fallback, role, employees))
    return state


def _with_chain(
    chains: Mapping[WorkRole, tuple[UUID, ...]], role: WorkRole, employees: tuple[UUID, ...]
) -> Mapping[WorkRole, tuple[UUID, ...]]:
    rest = {key: chain for key, chain in chains.items() if key != role}
    return {**rest, role: employees} if employees else rest
