"""The reason why each open run waits. It depends only on the manager's rows and the running processes (ADR 0031)."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from uuid import UUID

from agents.manager import routing
from agents.manager.account_reasons import Closed, closed_accounts, wait_for_account
from agents.manager.choosing import Ask, Router
from agents.manager.purse import Purse, within_task
from agents.manager.wait_texts import (
    STATUS,
    about_to,
    above_tier,
    capped,
    clock,
    held_by,
    in_probation,
    listed,
    nobody_may,
    not_taken_up,
)
from bus.projection_rows import Rows
from domain import review
from domain.errors import LimitReached
from domain.fallback import role_of
from domain.money import left_text
from domain.organisation import WorkRole, lend
from domain.run import RunState
from domain.task import TaskState
from domain.waiting import Wait
from observability.process_registry import Serving
from projections import manager as manager_view
from projections.holds import holds_of
from projections.openrun import HAVE_ORDERS, OpenRun, open_in, open_state

SHORTEST_PROMPT = 0  # tokens; a budget that is too small for this prompt is too small for any call
WORKS_FOR = "employee:"
"""Prefix of the role of a process that works for one employee. After the prefix comes the name that the employee had
when the process started.
"""
STEPS: Mapping[str, str] = {
    "submitted": "admit the run",
    "admitted": "plan the run",
    "verified": "begin the delivery",
    "rejected": "end the run",
    "delivering": "write the delivery",
    "approved": "create the release ref",
    "released": "end the run",
}
"""Map from the phase to the manager's next step."""
HELD_BY_HALT = frozenset({"admitted", "planned", "verified", "overridden", "delivering", "approved"})


class WaitReasons:
    """The wait reasons at one point in time. `rows`: the manager's rows. `now`: microseconds UTC."""

    def __init__(self, rows: Rows, serving: Serving, now: int) -> None:
        self._rows = rows
        self._serving = serving
        self._now = now

    def all(self) -> dict[UUID, Wait]:
        """Return the reason for each open run that waits."""
        found = {row.scope: self.of(row.scope, open_state(self._rows, row)) for row in self._rows.all(OpenRun)}
        return {run: wait for run, wait in found.items() if wait is not None}

    def of(self, run: UUID, state: RunState | None) -> Wait | None:
        """Return why a run waits, or None if it is in progress or has ended. `state` is None if the rows do not contain
        the run yet.
        """
        phase = state.phase if state is not None else "none"
        if phase == "ended":
            return None
        if phase == "delivered":
            hint = f"Look at it: aura diff {run}. Release it: aura approve {run}"
            return Wait(code="approval", message="The delivery waits for your approval.", hint=hint)
        return self._away() or (self._in_phase(run, state) if state is not None else not_taken_up())

    def _away(self) -> Wait | None:
        if self._serving.nobody:
            return Wait(code="not_running", message="The organisation does not run.", hint="Start it: aura up")
        if self._serving.lacks("recorder"):
            return Wait(code="no_recorder", message="No recorder process runs, so nothing is stored.", hint=STATUS)
        if self._serving.lacks("manager"):
            return Wait(code="no_manager", message="No manager process runs.", hint=STATUS)
        return None

    def _in_phase(self, run: UUID, state: RunState) -> Wait | None:
        if state.phase == "merged":
            return self._verifier("the merged tree")
        if state.phase == "planned":
            return self._planned(run, state)
        return self._law(state) or self._budget(run, state) or about_to(STEPS.get(state.phase, "go on"))

    def _law(self, state: RunState) -> Wait | None:
        """Return the pause or halt that prevents the run's next step."""
        phase = manager_view.organisation_phase(self._rows)
        if phase == "unfounded":
            return Wait(code="not_founded", message="There is no organisation yet.", hint="Create it: aura up")
        if phase == "halted" and (state.phase in HELD_BY_HALT or state.phase == "submitted"):
            return Wait(code="halted", message="The organisation is halted.", hint='End it: aura resume --reason "…"')
        if phase == "paused" and (state.phase == "submitted" or (state.phase == "planned" and not _all_done(state))):
            return Wait(code="paused", message="The organisation is paused.", hint='End it: aura resume --reason "…"')
        return None

    def _budget(self, run: UUID, state: RunState) -> Wait | None:
        if state.phase != "submitted" or state.submitted is None:
            return None
        try:
            lend(manager_view.organisation_state(self._rows), run, state.submitted.allowance.amount)
        except LimitReached as error:
            hint = "Raise the limit: aura budget --usd N --tokens N. Or wait until another run ends."
            return Wait(code="organisation_budget", message=error.message, hint=hint)
        return None

    def _planned(self, run: UUID, state: RunState) -> Wait | None:
        """Return why a planned run waits, or None if a worker or the verifier works on one of its tasks."""
        parts = list(state.tasks.values())
        held = self._law(state)
        away = [part for part in parts if self._without_worker(part)]
        phases = ("calling", "answered") if held else ("assigned", "calling", "answered")
        if any(part.phase in phases and part not in away for part in parts):
            return None
        if judged := [part.name for part in parts if part.phase == "submitted"]:
            return self._verifier(f"the work on {listed(judged)}")
        if held:
            return held
        if state.asked is not None:
            hint = f"Answer it: aura budget raise {run} --usd N, or aura budget refuse {run} --reason …"
            return Wait(code="asks_for_budget", message=f"It asks for a larger budget: {state.asked.reason}", hint=hint)
        if paused := holds_of(self._rows, run):
            return held_by("The run", paused)
        if away:
            return self._no_worker(away[0])
        if _all_done(state) or review.objection(parts):
            ends = review.objection(parts) or (state.submitted is not None and state.submitted.shadow is not None)
            return about_to("end the run" if ends else "merge the work")
        return next((self._staff(run, part, state) for part in routing.ready(state)), None)

    def _verifier(self, what: str) -> Wait:
        if self._serving.lacks("verifier"):
            return Wait(code="no_verifier", message=f"No verifier process runs to judge {what}.", hint=STATUS)
        hint = "If this takes long, the log of the verifier shows the reason: aura logs"
        return Wait(code="verifier", message=f"The verifier judges {what}.", hint=hint)

    def _without_worker(self, part: TaskState) -> bool:
        if part.phase not in ("assigned", "calling") or part.employee is None:
            return False
        renamed = any(role.startswith(WORKS_FOR) and role not in self._own_roles for role in self._serving.roles)
        return not renamed and self._serving.lacks("employees", f"{WORKS_FOR}{self._name(part.employee)}")

    def _no_worker(self, part: TaskState) -> Wait:
        assert part.employee is not None
        name = self._name(part.employee)
        hint = f"Start a worker: aura serve employee {name}. Without a worker, the order ends at its time limit."
        return Wait(
            code="no_worker", message=f"{part.name} is assigned to {name}, but no process works for {name}.", hint=hint
        )

    def _staff(self, run: UUID, part: TaskState, state: RunState) -> Wait:
        """Return why a ready task is not assigned."""
        if not self._people:
            return Wait(code="no_staff", message="Nobody is on the staff.", hint="Hire somebody: aura hire --help")
        desk = self._desk.for_task(part, state)
        if not desk.profiles and not desk.resting:
            return self._nobody_can(role_of(part))
        barred = routing.barred(part, state, desk)
        if not set(desk.profiles) - barred and (above := routing.barred_by_tier(part, state, desk)):
            return above_tier(part, above, {who: self._name(who) for who in above})
        if not set(desk.profiles) - barred:
            resting = self._rest(part, state, desk.resting - barred - desk.in_probation)
            if not resting and desk.in_probation and state.submitted is not None and state.submitted.shadow is None:
                return in_probation(part.name, sorted(map(self._name, desk.in_probation)))
            return resting or self._only_named(part, state) or nobody_may(part, state)
        purse = Purse(self._rows, {}, self._now)
        short = purse.short(run, state, desk, SHORTEST_PROMPT)
        if not set(desk.profiles) - barred - short:
            return capped(part, purse, desk, set(desk.profiles) - barred)
        most = within_task(state, part, state.left)
        turn = routing.turn(part, desk, most, barred | short, SHORTEST_PROMPT)
        if self._router.has_strategy:
            turn = routing.fitting(desk, most, barred | short, SHORTEST_PROMPT)
        if not turn:
            left = f"The run has {left_text(state.left)}"
            hint = "The run ends after its last open call. Submit the requirement again with a larger budget."
            return Wait(code="run_budget", message=f"{left}: not enough for a call for {part.name}.", hint=hint)
        free = [who for who in turn if desk.free(who) > 0]
        closed = self._closed_accounts(free or turn)
        if len(closed) < len(free):
            best = self._router.answer(Ask(run, state, part, desk, most, barred | short, SHORTEST_PROMPT)).waits_for
            return self._best(part, best) if best is not None else about_to(f"assign {part.name}")
        if closed:
            return wait_for_account(closed, part.name)
        busy = listed([f"{self._name(who)} works on {listed(self._runs_of(who))}" for who in turn], "; ")
        hint = (
            "The run continues by itself. For more calls at the same time: aura hire --slots N, or hire somebody else."
        )
        return Wait(code="no_slot", message=f"No employee is free for {part.name}: {busy}.", hint=hint)

    def _best(self, part: TaskState, best: UUID) -> Wait:
        """Return the reason if a free employee could try, but routing waits for a busy one."""
        works = f"{self._name(best)} works on {listed(self._runs_of(best))}"
        message = f"{part.name} waits for {self._name(best)}, which is clearly the best choice: {works}."
        hint = "The run continues by itself. For more calls at the same time: aura hire --update --slots N."
        return Wait(code="no_slot", message=message, hint=hint)

    def _nobody_can(self, role: WorkRole) -> Wait:
        """Return the reason if every employee that may do the work of a role is suspended or has no known price."""
        chain = self._desk.chains.get(role)
        people = [row for who, row in self._people.items() if chain is None or who in chain]
        if not people:
            message = f"Nobody of the fallback chain of the role {role} is on the staff."
            return Wait(code="no_staff", message=message, hint="Set another chain: aura staff apply FILE")
        unpriced = [row.name for row in people if not row.suspended and row.profile.call_usd_max is None]
        if unpriced:
            hint = (
                "State the price: aura hire with --price-in and --price-out, or with --local if a call costs nothing."
            )
            return Wait(code="no_price", message=f"The price of a call is not known for {listed(unpriced)}.", hint=hint)
        names = [row.name for row in people]
        paused = [hold for row in people for hold in holds_of(self._rows, row.scope)]
        if paused:
            return held_by(listed(names), paused)
        lift = f'End a suspension: aura reinstate {names[0]} --reason "…". Or hire somebody else.'
        hint = f"See the reason: aura employees. {lift}"
        who = "Everybody" if chain is None else f"Everybody in the fallback chain of the role {role}"
        return Wait(code="suspended", message=f"{who} is suspended: {listed(names)}.", hint=hint)

    def _rest(self, part: TaskState, state: RunState, resting_ids: set[UUID]) -> Wait | None:
        """Return the reason if all employees that may have the task rest after faults of their servers."""
        fresh = [who for who in resting_ids if routing.may_do(part, who, state)]
        if closed := self._closed_accounts(fresh):
            return wait_for_account(closed, part.name)
        resting = [self._people[who] for who in fresh]
        if not resting:
            return None
        until = min(row.rest_until for row in resting)
        names = listed(sorted(row.name for row in resting))
        message = f"{names}: resting after a fault of the model's server, until {clock(until)} UTC."
        last = f" The last fault: {part.failure}" if part.failure else ""
        return Wait(code="resting", message=message, hint=f"The run continues by itself.{last}")

    def _closed_accounts(self, staff: Iterable[UUID]) -> Closed:
        return closed_accounts([self._people[who].profile for who in staff], self._desk.accounts, SHORTEST_PROMPT)

    def _only_named(self, part: TaskState, state: RunState) -> Wait | None:
        """Return the reason if the submission names its employees, and no other reason prevents all others."""
        assert state.submitted is not None
        named = state.submitted.employees
        if not named or review.is_review(part) or any(who in self._desk.profiles for who in named):
            return None
        names = listed([self._name(who) for who in named])
        message = f"Only {names} may do {part.name}, and cannot work: suspended, dismissed, or without a known price."
        hint = "See the reason: aura employees. Or cancel the run, and submit again with another --employee."
        return Wait(code="only_named", message=message, hint=hint)

    @cached_property
    def _people(self) -> dict[UUID, manager_view.EmployeeRow]:
        return {row.scope: row for row in self._rows.all(manager_view.EmployeeRow)}

    @cached_property
    def _router(self) -> Router:
        return Router(self._rows)

    @cached_property
    def _own_roles(self) -> frozenset[str]:
        """The roles of processes that work for one employee, with its current name."""
        return frozenset(f"{WORKS_FOR}{row.name}" for row in self._people.values())

    @cached_property
    def _desk(self) -> routing.StaffCapacity:
        return routing.StaffCapacity.of(self._rows, {}, self._now)

    def _name(self, employee: UUID) -> str:
        row = self._people.get(employee)
        return row.name if row else str(employee)[:8]

    def _runs_of(self, employee: UUID) -> list[str]:
        return [
            f"run {str(row.scope)[:13]}"
            for row, state in open_in(self._rows, *HAVE_ORDERS)
            if any(
                part.employee == employee and part.phase in ("assigned", "calling")
                for part in state.tasks.in_progress()
            )
        ]


def _all_done(state: RunState) -> bool:
    return bool(state.tasks) and not state.tasks.unverified
