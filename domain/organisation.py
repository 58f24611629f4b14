"""The organisation. It is founded once, and can be paused, halted and resumed. It reserves budget for each run."""

from collections.abc import Iterable, Mapping
from typing import Literal, assert_never
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain import blacklist
from domain.caps import (
    ORGANISATION_CAP,
    Book,
    Limit,
    after_loan,
    after_removal,
    after_return,
    cap_of,
    checked_cap,
    checked_limit,
    is_of_day,
    limit_of,
)
from domain.chains import FALLBACK_EMPLOYEES_MAX as FALLBACK_EMPLOYEES_MAX
from domain.chains import checked_chain, with_chain
from domain.errors import Conflict, LimitReached, Refused
from domain.halt import AcknowledgeHalt as AcknowledgeHalt
from domain.halt import HaltAcknowledged as HaltAcknowledged
from domain.halt import acknowledged
from domain.lent import NOTHING_LENT, Lent
from domain.message import Command, Erased, Event
from domain.model_account import AccountCommand, AccountEvent, ModelAccount, decide_account, evolve_accounts
from domain.money import NOTHING, Amount, checked, left_text
from domain.organisation_messages import AcceptLimit as AcceptLimit
from domain.organisation_messages import BlacklistVersion as BlacklistVersion
from domain.organisation_messages import BudgetRaised as BudgetRaised
from domain.organisation_messages import BudgetReserved as BudgetReserved
from domain.organisation_messages import BudgetSet as BudgetSet
from domain.organisation_messages import BudgetSettled as BudgetSettled
from domain.organisation_messages import CapSet as CapSet
from domain.organisation_messages import CapWarned as CapWarned
from domain.organisation_messages import ClearVersion as ClearVersion
from domain.organisation_messages import FallbackSet as FallbackSet
from domain.organisation_messages import Found as Found
from domain.organisation_messages import Founded as Founded
from domain.organisation_messages import Halt as Halt
from domain.organisation_messages import Halted as Halted
from domain.organisation_messages import LimitAccepted as LimitAccepted
from domain.organisation_messages import LimitWithdrawn as LimitWithdrawn
from domain.organisation_messages import OrganisationEvent as OrganisationEvent
from domain.organisation_messages import Pause as Pause
from domain.organisation_messages import Paused as Paused
from domain.organisation_messages import Resume as Resume
from domain.organisation_messages import Resumed as Resumed
from domain.organisation_messages import RoutingSet as RoutingSet
from domain.organisation_messages import SetBudget as SetBudget
from domain.organisation_messages import SetCap as SetCap
from domain.organisation_messages import SetFallback as SetFallback
from domain.organisation_messages import SetRouting as SetRouting
from domain.organisation_messages import SettleBudget as SettleBudget
from domain.organisation_messages import TrancheLent as TrancheLent
from domain.organisation_messages import TrancheReturned as TrancheReturned
from domain.organisation_messages import VersionBlacklisted as VersionBlacklisted
from domain.organisation_messages import VersionCleared as VersionCleared
from domain.organisation_messages import WithdrawLimit as WithdrawLimit
from domain.organisation_messages import WorkRole as WorkRole
from domain.reason import reason_of
from domain.routing.terms import RoutingSetting, checked_setting

Phase = Literal["unfounded", "running", "paused", "halted"]


class OrganisationState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    phase: Phase = "unfounded"
    cap: Amount = NOTHING
    lent: Lent = NOTHING_LENT  # run -> the budget that it has reserved
    spent: Amount = NOTHING
    accepted: Mapping[str, tuple[str, ...]] = {}  # machine -> the limits that its boxes need not hold
    fallback: Mapping[WorkRole, tuple[UUID, ...]] = {}  # role -> its chain of employees
    blacklisted: tuple[UUID, ...] = ()  # versions of employees
    caps: Mapping[str, Limit] = {}  # name -> limit
    books: Mapping[str, Book] = {}  # key of tranches -> what is lent and spent
    warned: tuple[str, ...] = ()  # "organisation" and keys of tranches whose limit has had its warning
    routing: RoutingSetting | None = None  # None: employees take turns
    accounts: Mapping[str, ModelAccount] = {}  # name -> account of models

    @property
    def committed(self) -> Amount:
        """The sum of the amount spent and the reserved budgets of open runs."""
        return self.spent + self.lent.total


initial = OrganisationState()


def decide(command: Command, state: OrganisationState) -> tuple[OrganisationEvent, ...]:
    match command:
        case Found(name=name, cap=cap, routing=routing):
            if state.phase != "unfounded":
                raise Conflict("The organisation already exists.", hint="Use it. Only its budget can be changed.")
            founded = Founded(name=name, cap=checked(cap, "The organisation's budget"))
            return (founded,) if routing is None else (founded, _routing_set(routing))
        case SetBudget(cap=cap):
            _founded(state)
            return (BudgetSet(cap=checked(cap, "The organisation's budget")),) if cap != state.cap else ()
        case SetCap(cap=cap, limit=limit):
            _founded(state)
            checked_cap(cap)
            if limit is not None:
                checked_limit(limit, f"The cap {cap}")
            return (CapSet(cap=cap, limit=limit),) if limit != state.caps.get(cap) else ()
        case Pause(reason=reason):
            return _stop(state, "paused", reason)
        case Halt(reason=reason):
            return _stop(state, "halted", reason)
        case AcknowledgeHalt():
            return acknowledged(command, state.phase)
        case Resume(reason=reason):
            _founded(state)
            if state.phase == "running":
                raise Refused("The organisation is running.", hint="You need not resume it.")
            return (Resumed(reason=reason_of(reason)),)
        case AcceptLimit(machine=machine, limit=limit, reason=reason):
            _founded(state)
            if limit in state.accepted.get(machine, ()):
                return ()
            return (LimitAccepted(machine=machine, limit=limit, reason=reason_of(reason)),)
        case WithdrawLimit(machine=machine, limit=limit, reason=reason):
            _founded(state)
            if limit not in state.accepted.get(machine, ()):
                raise Refused(
                    f"The limit {limit} is not accepted for machine {machine}, so it cannot be withdrawn.",
                    hint="`aura sandbox probe` shows the accepted limits.",
                )
            return (LimitWithdrawn(machine=machine, limit=limit, reason=reason_of(reason)),)
        case SetFallback(role=role, employees=employees):
            _founded(state)
            if state.fallback.get(role, ()) == employees:
                return ()
            return (FallbackSet(role=role, employees=checked_chain(role, employees)),)
        case SetRouting(routing=routing):
            _founded(state)
            return (_routing_set(routing),) if routing != state.routing else ()
        case BlacklistVersion() | ClearVersion():
            _founded(state)
            return blacklist.decide(command, state.blacklisted)
        case _ if isinstance(command, AccountCommand):
            _founded(state)
            return decide_account(command, state.accounts)
        case SettleBudget(run=run, spent=spent):
            if run not in state.lent:
                return ()
            return (BudgetSettled(for_run=run, spent=checked(spent, "The run's spending")),)
    raise TypeError(f"not a command of the organisation: {type(command).__name__}")


def lend(state: OrganisationState, run: UUID, amount: Amount) -> BudgetReserved:
    """Decide the organisation's part of an admission: reserve the run's whole budget, or refuse.

    Raises Refused if the organisation is not running, and LimitReached if its budget is too small.
    """
    check_running(state)
    check_room(state, amount)
    return BudgetReserved(for_run=run, amount=amount)


def check_running(state: OrganisationState) -> None:
    """Raise Refused if the organisation is not running."""
    _founded(state)
    if state.phase != "running":
        raise Refused(
            f"The organisation is {state.phase}.", hint="Run `aura resume` to start it again. The run then continues."
        )


def check_room(state: OrganisationState, amount: Amount) -> None:
    """Raise LimitReached if the organisation's budget is too small for a further reservation."""
    if not (state.committed + amount).fits(state.cap):
        raise LimitReached(
            f"The organisation has {left_text(state.cap - state.committed)}, but this run needs "
            f"{amount.usd} USD and {amount.tokens} tokens.",
            hint="Lower the run's budget, wait until another run ends, or raise the organisation's budget.",
        )


def warnings(state: OrganisationState, run: UUID, keys: Iterable[str]) -> tuple[CapWarned, ...]:
    """Return a warning for each limit of which 80% is spent or lent, unless it had its warning.

    `state`: after the loan to the run. `keys`: "organisation", or keys of tranches.
    """
    found: list[CapWarned] = []
    for key in keys:
        own = key == ORGANISATION_CAP
        limit = limit_of(state.cap) if own else state.caps.get(cap_of(key))
        committed = state.committed if own else state.books[key].committed
        if limit is not None and key not in state.warned and limit.is_near(committed):
            found.append(CapWarned(cap=key, for_run=run, limit=limit, committed=committed))
    return tuple(found)


def _stop(state: OrganisationState, phase: Literal["paused", "halted"], reason: str) -> tuple[OrganisationEvent, ...]:
    _founded(state)
    if state.phase == phase or (phase == "paused" and state.phase == "halted"):
        raise Refused(f"The organisation is already {state.phase}.", hint="`aura resume` starts it again.")
    return (Paused(reason=reason_of(reason)),) if phase == "paused" else (Halted(reason=reason_of(reason)),)


def _routing_set(routing: RoutingSetting) -> RoutingSet:
    checked_setting(routing)
    return RoutingSet(strategy=routing.strategy, value_usd=routing.value_usd)


def _founded(state: OrganisationState) -> None:
    if state.phase == "unfounded":
        raise Refused("There is no organisation yet.", hint="Run `aura up` first. It founds the organisation.")


def evolve(state: OrganisationState, event: Event | Erased) -> OrganisationState:
    match event:
        case Founded(cap=cap):
            return replace(state, phase="running", cap=cap)
        case BudgetSet(cap=cap):
            return replace(state, cap=cap, warned=_not_of(state.warned, ORGANISATION_CAP))
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
        case BudgetRaised(for_run=run, amount=amount):
            held = state.lent.get(run, NOTHING)
            return replace(state, lent=state.lent.with_amount(run, held + amount))
        case CapSet() | TrancheLent() | TrancheReturned() | CapWarned():
            return _after_cap(state, event)
        case LimitAccepted(machine=machine, limit=limit):
            limits = (*state.accepted.get(machine, ()), limit)
            return replace(state, accepted={**state.accepted, machine: limits})
        case LimitWithdrawn(machine=machine, limit=limit):
            limits = tuple(each for each in state.accepted.get(machine, ()) if each != limit)
            return replace(state, accepted={**state.accepted, machine: limits})
        case FallbackSet(role=role, employees=employees):
            return replace(state, fallback=with_chain(state.fallback, role, employees))
        case RoutingSet(strategy=strategy, value_usd=value_usd):
            return replace(state, routing=RoutingSetting(strategy=strategy, value_usd=value_usd))
        case VersionBlacklisted(employee_version=version):
            return replace(state, blacklisted=(*state.blacklisted, version))
        case VersionCleared(employee_version=version):
            return replace(state, blacklisted=tuple(each for each in state.blacklisted if each != version))
        case _ if isinstance(event, AccountEvent):
            return replace(state, accounts=evolve_accounts(state.accounts, event))
    return state


def _after_cap(
    state: OrganisationState, event: CapSet | TrancheLent | TrancheReturned | CapWarned
) -> OrganisationState:
    match event:
        case CapSet(cap=cap, limit=limit):
            caps = {name: other for name, other in state.caps.items() if name != cap}
            warned = _not_of(state.warned, cap)
            if limit is None:
                return replace(state, caps=caps, warned=warned, books=after_removal(state.books, cap))
            return replace(state, caps={**caps, cap: limit}, warned=warned)
        case TrancheLent(for_run=run, amounts=amounts):
            books = after_loan(state.books, run, amounts)
        case TrancheReturned(for_run=run, parts=parts):
            books = after_return(state.books, run, parts)
            for removed in {cap_of(key) for key in parts} - state.caps.keys():  # its tranche came back after it
                books = after_removal(books, removed)
        case CapWarned(cap=warned_cap):
            return replace(state, warned=(*state.warned, warned_cap))
        case _:
            assert_never(event)
    return replace(state, books=books, warned=tuple(key for key in state.warned if _is_present(key, books)))


def _is_present(key: str, books: Mapping[str, Book]) -> bool:
    """Return whether a warning is still needed: the book of a past day is dropped, and its warning with it."""
    return key in books or not is_of_day(key)


def _not_of(warned: tuple[str, ...], cap: str) -> tuple[str, ...]:
    return tuple(key for key in warned if cap_of(key) != cap)
