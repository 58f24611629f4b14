"""Routing: pure functions on the manager's rows that choose the employee for each task.

The employees that have tried a task least often come first, so that a rejected task goes to another employee. Among
these employees, the employee with the most free slots comes first. If the free slots are equal, a hash of the ids
decides. Suspended employees and employees without a known price get no task.

If the role of a task has a fallback chain, only the employees of the chain may get the task. Then the first employee of
the chain that can do the task has the turn.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_UP
from typing import NamedTuple
from uuid import UUID

from agents.manager.accounts import AccountCapacity
from agents.manager.ceilings import above_ceilings, within_ceilings
from bus.projection_rows import Rows
from domain import review
from domain.employee import Profile
from domain.fallback import role_of
from domain.message import derive
from domain.money import USD_STEP, Amount
from domain.named_staff import is_named
from domain.organisation import WorkRole
from domain.run import RunState
from domain.task import Phase as TaskPhase
from domain.task import TaskState
from domain.tiers import Ceilings
from projections import manager as manager_view
from projections.fallback import fallback_chains
from projections.holds import is_held
from projections.openrun import HAVE_ORDERS, busy_in

AT_WORK: frozenset[TaskPhase] = frozenset(("assigned", "calling", "answered", "submitted"))
"""Phases of a task that count as work of its run when the runs get their turns."""


class Pick(NamedTuple):
    """An assignment that was requested and that the rows do not show yet. `at`: time of the request in microseconds
    UTC. `reservation`: the part of the run's budget that it takes. `account`: that of its first call.
    """

    attempt: int
    employee: UUID
    at: int
    reservation: Amount
    account: str = ""


Picks = dict[tuple[UUID, UUID], Pick]
"""Map from (run, task) to the pick."""


@dataclass
class StaffCapacity:
    """The staff from the manager's view: which employees may work, at what price, and how many calls they have open.

    `chains`: the fallback chain of each role that has one. `in_order`: `profiles` has the employees of one chain, in
    its order. `at_work`: the number of tasks of each run that are in work or wait for a verdict. `unsized`: the runs
    with a ready task whose prompt is not measured yet. `resting` also has the employees whose accounts are all closed.
    """

    profiles: dict[UUID, Profile] = field(default_factory=dict)
    open_calls: dict[UUID, int] = field(default_factory=dict)
    resting: set[UUID] = field(default_factory=set)  # get no task for a while, after a fault of their servers
    chains: Mapping[WorkRole, tuple[UUID, ...]] = field(default_factory=dict)
    in_order: bool = False
    at_work: Counter[UUID] = field(default_factory=Counter)
    unsized: set[UUID] = field(default_factory=set)
    ceilings: dict[UUID, Ceilings] = field(default_factory=dict)  # of the tier of each employee
    in_probation: set[UUID] = field(default_factory=set)  # must pass shadow tasks first, so they get no other work
    accounts: AccountCapacity = field(default_factory=lambda: AccountCapacity((), 0))

    @classmethod
    def of(cls, rows: Rows, picks: Picks, now: int) -> "StaffCapacity":
        desk = cls(chains=fallback_chains(rows), accounts=AccountCapacity.of(rows, now))
        for run_row, state in busy_in(rows, *HAVE_ORDERS):
            for task in state.tasks.in_progress():
                if task.phase in ("assigned", "calling") and task.attempt is not None:
                    desk.take(task.attempt.employee)
                    desk.accounts.add(task.attempt)
                desk.at_work[run_row.scope] += task.phase in AT_WORK
        for (run, _), pick in picks.items():
            desk.take(pick.employee)
            if pick.account:
                desk.accounts.expect(pick.account, pick.reservation)
            desk.at_work[run] += 1
        for row in rows.all(manager_view.EmployeeRow):
            profile = row.profile
            if row.suspended or profile.call_usd_max is None or is_held(rows, row.scope):
                continue
            if row.rest_until > now or desk.accounts.closed(profile.accounts):
                desk.resting.add(row.scope)
            else:
                desk.profiles[row.scope] = within_ceilings(profile, row.ceilings)
                desk.ceilings[row.scope] = row.ceilings
            if row.shadow_left:
                desk.in_probation.add(row.scope)
        return desk

    @property
    def has_room(self) -> bool:
        """Whether an employee may take one more call."""
        return any(self.free(employee) > 0 for employee in self.profiles)

    def for_task(self, task: TaskState, state: RunState) -> "StaffCapacity":
        """Return the part of the staff that the fallback chain of the task's role names; everybody without a chain.

        Employees that the submission names have priority over a chain. Both count the same open calls.
        """
        assert state.submitted is not None
        chain = self.chains.get(role_of(task))
        if chain is None or (state.submitted.employees and not review.is_review(task)):
            return self
        profiles = {who: self.profiles[who] for who in chain if who in self.profiles}
        return replace(self, profiles=profiles, resting=self.resting & set(chain), in_order=True)

    def take(self, employee: UUID) -> None:
        self.open_calls[employee] = self.open_calls.get(employee, 0) + 1

    def free(self, employee: UUID) -> int:
        """Return how many more calls the employee may take; 0 if none of its accounts has room."""
        profile = self.profiles[employee]
        if profile.accounts and self.accounts.choose(profile.accounts) is None:
            return 0
        return profile.slots - self.open_calls.get(employee, 0)


def reservation_of(profile: Profile, left: Amount, prompt_tokens: int | None = None) -> Amount | None:
    """Return the amount that is reserved for an attempt, or None if `left` is not enough for its first call.

    An answer reserves the upper bound of its call. A session reserves its own limits, but not more than `left`.
    """
    bound = call_bound_of(profile, prompt_tokens)
    if not bound.fits(left):
        return None
    terms = profile.session
    if terms is None:
        return bound
    return Amount(max(bound.usd, terms.usd_max), max(bound.tokens, terms.tokens_max)).at_most(left)


def call_bound_of(profile: Profile, prompt_tokens: int | None = None) -> Amount:
    """Return the upper bound of the cost of one call. The price must be known.

    If `prompt_tokens` is None or above the employee's limit, the bound assumes the longest prompt.
    """
    assert profile.call_usd_max is not None
    longest = profile.prompt_tokens_max
    if prompt_tokens is None or not 0 <= prompt_tokens < longest:
        return Amount(profile.call_usd_max, profile.call_tokens_max)
    tokens = prompt_tokens + profile.output_tokens_max
    if profile.prompt_usd_max is None:
        return Amount(profile.call_usd_max, tokens)
    saved = profile.prompt_usd_max * (longest - prompt_tokens) / longest
    return Amount((profile.call_usd_max - saved).quantize(USD_STEP, ROUND_UP), tokens)


def ready(state: RunState) -> Iterator[TaskState]:
    """Return the tasks that wait only for an employee, in the order of the plan."""
    return state.tasks.ready()


def candidates(state: RunState, desk: StaffCapacity, now: int) -> Iterator[TaskState]:
    """Yield the ready tasks that may get an employee now, or may be the reason to end the run, in order of the plan.

    When no employee is free any more, a task that was never tried can only wait, if its run has work in progress and
    time left. Such tasks are left out, so that an event of a run with very many tasks does not look at all of them.
    """
    assert state.submitted is not None
    can_wait = state.submitted.attempts_max > 0 and now < state.due_at and has_work(state)
    for task in state.tasks.ready():
        if can_wait and not desk.has_room:
            yield from state.tasks.ready_again(state.tasks.place(task.id))
            return
        yield task


def has_work(state: RunState) -> bool:
    """Return whether a task of the run has an order, or work that waits for its verdict."""
    return any(task.phase in AT_WORK for task in state.tasks.in_progress())


def barred(task: TaskState, state: RunState, desk: StaffCapacity) -> frozenset[UUID]:
    """Return the employees that may not do the task.

    An employee is barred if it had faults_max faults with the task, or if it only repeats rejected answers. If the
    submission names employees, all others are barred. For a review, the authors of the work and models of the same
    makers are barred, too. The ceilings of a tier bar an employee last.
    """
    return _barred_by_task(task, state, desk) | barred_by_tier(task, state, desk).keys()


def barred_by_tier(task: TaskState, state: RunState, desk: StaffCapacity) -> dict[UUID, str]:
    """Return the employees that only their tier keeps from the task, with the reason."""
    barred = _barred_by_task(task, state, desk)
    assert state.submitted is not None
    above = above_ceilings(task, desk.profiles, desk.ceilings, state.submitted.work)
    return {who: reason for who, reason in above.items() if who not in barred}


def _barred_by_task(task: TaskState, state: RunState, desk: StaffCapacity) -> frozenset[UUID]:
    worn_out = {who for who in desk.profiles if not may_do(task, who, state)}
    if state.submitted is not None and state.submitted.shadow is None:
        worn_out |= desk.in_probation & desk.profiles.keys()
    if not review.is_review(task):
        return frozenset(worn_out)
    parts = state.tasks.values()
    makers = review.vendors(parts)
    kin = {who for who, profile in desk.profiles.items() if review.vendor_of(profile.model) in makers}
    return review.authors(parts) | kin | worn_out


def nobody_left(task: TaskState, state: RunState, desk: StaffCapacity) -> bool:
    """Return whether every employee that may do the task had faults_max faults with it, or only repeats answers."""
    assert state.submitted is not None
    staff = [who for who in (*desk.profiles, *desk.resting) if is_named(state.submitted, task, who)]
    return bool(staff) and all(has_no_more(task, who, state) for who in staff)


def may_do(task: TaskState, employee: UUID, state: RunState) -> bool:
    """Return whether the submission lets the employee do the task, and its earlier attempts do not prevent it."""
    assert state.submitted is not None
    return is_named(state.submitted, task, employee) and not has_no_more(task, employee, state)


def has_no_more(task: TaskState, employee: UUID, state: RunState) -> bool:
    """Return whether the employee had faults_max faults with the task, or only repeats rejected answers."""
    assert state.submitted is not None
    return task.worn_out(employee) or task.only_repeats(employee, state.submitted.attempts_max)


def choose(
    task: TaskState,
    desk: StaffCapacity,
    left: Amount,
    barred: frozenset[UUID] = frozenset(),
    prompt_tokens: int | None = None,
) -> UUID | None:
    """Return the employee for the next attempt, or None if no employee that has the turn is free.

    The employees with the fewest attempts at the task have the turn, or the first of a fallback chain. All others wait,
    even if they are free.
    """
    free = [who for who in turn(task, desk, left, barred, prompt_tokens) if desk.free(who) > 0]
    return min(free, key=lambda who: (-desk.free(who), derive(task.id, who)), default=None)


def turn(
    task: TaskState,
    desk: StaffCapacity,
    left: Amount,
    barred: frozenset[UUID] = frozenset(),
    prompt_tokens: int | None = None,
) -> list[UUID]:
    """Return the employees that have the turn, including busy employees. The list is empty if no employee may do the
    task or if each one is too expensive.
    """
    may_try = fitting(desk, left, barred, prompt_tokens)
    if desk.in_order:
        return may_try
    fewest = min((task.tried.count(who) for who in may_try), default=0)
    return [who for who in may_try if task.tried.count(who) == fewest]


def fitting(
    desk: StaffCapacity, left: Amount, barred: frozenset[UUID] = frozenset(), prompt_tokens: int | None = None
) -> list[UUID]:
    """Return the employees that may try and that the budget allows, free or busy; of a chain, only the first."""
    profiles = desk.profiles.items()
    may_try = [
        who for who, profile in profiles if who not in barred and call_bound_of(profile, prompt_tokens).fits(left)
    ]
    return may_try[:1] if desk.in_order else may_try


def unaffordable(
    desk: StaffCapacity, left: Amount, barred: frozenset[UUID] = frozenset(), prompt_tokens: int | None = None
) -> bool:
    """Return whether the budget is too small for a call by each employee that is not barred, free or busy.

    Return False if every employee is barred, because then the budget is not the reason.
    """
    fitting = [
        call_bound_of(profile, prompt_tokens).fits(left) for who, profile in desk.profiles.items() if who not in barred
    ]
    return bool(fitting) and not any(fitting)
