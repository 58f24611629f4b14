"""The reactions of the manager to events. The manager admits, plans and ends runs, and assigns tasks. Its reactions
depend only on its rows.

Duties do the manager's other work (orders, merges, deliveries, deadlines). agents/manager/leadership.py runs the
duties.
"""

from collections.abc import Iterator, Sequence
from typing import get_args
from uuid import UUID

from agents.manager import end_reasons, routing
from agents.manager.assignment import Terms, assignment
from agents.manager.choosing import Ask, Router
from agents.manager.placement import placed
from agents.manager.prompt_sizes import PromptSizes
from agents.manager.purse import Purse, cap_changed, no_budget, within_task
from agents.manager.run_ends import end, end_released, end_shadow, follow_up, settle
from agents.manager.run_queue import admissions, planned_at, planned_runs
from agents.manager.signs_of_life import SignsOfLife
from agents.manager.take_back import WHY_TAKEN_BACK, phase_of, release_stopped, taken_back
from agents.permits import SIGN_TIMES, SignTimes
from agents.turns import Place, Turns, in_turns
from bus.projection import Cause
from bus.projection_rows import Rows
from domain import employee as staff
from domain import fund_messages, incident, organisation, review, run_messages, task
from domain.message import Command, Recorded, RunEvent, TaskEvent
from domain.model_account import AccountEvent
from domain.returning import attempts_used
from domain.run import Phase, RunState
from domain.run_act_messages import Overridden
from projections import manager as manager_view
from projections.openrun import has_runs_in, open_in

LEASE_MARGIN_S = 15.0
"""Seconds that an order may take beyond the limit of its call. After that time the lease of the order expires."""
TAKEN_UP: tuple[Phase, ...] = ("submitted", "admitted", "planned", "verified", "overridden", "rejected", "released")
"""Phases that a reaction of the manager can end. Duties end the other phases."""
_GOES_ON = (
    run_messages.Planned,
    run_messages.Returned,
    fund_messages.TrancheReceived,
    fund_messages.BudgetRaised,
)
_MAKES_ROOM = (
    *(organisation.FallbackSet, organisation.RoutingSet, organisation.TrancheReturned),
    *(incident.Closed, incident.Lapsed),
    *get_args(AccountEvent),
)
"""Events after which a task may have an employee that it did not have before."""
_FREES = (task.AttemptEnded, task.Submitted, task.Released, task.Verified, task.Rejected)


STANDING_CHANGES = (
    *(staff.Hired, staff.Reinstated, staff.Suspended, staff.Dismissed, staff.Rehired),
    *(staff.Promoted, staff.Demoted, staff.Placed),
)
"""Events that decide whether an employee may work."""


class Manager:
    """The manager's reactions. `picks`: assignments that were requested but are not in the rows yet. If the picks are
    lost, the manager may send a command that has no effect.
    """

    def __init__(
        self,
        *,
        lease_margin_s: float = LEASE_MARGIN_S,
        sizes: PromptSizes | None = None,
        sign_times: SignTimes = SIGN_TIMES,
    ) -> None:
        """`sizes`: the sizes of the next prompts. Without sizes, each call reserves the cost of the longest prompt."""
        self.picks: routing.Picks = {}
        self.sizes = sizes
        self.signs = SignsOfLife(sign_times)
        self.turns = Turns()
        self._lease_margin_s = lease_margin_s

    def react(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        event = recorded.event
        if isinstance(event, RunEvent | TaskEvent):
            ends = (*follow_up(event, rows, cause), *settle(event.run, rows, cause))
            return [*self._of_run(event, rows, cause), *ends]
        if isinstance(event, organisation.BudgetSettled | organisation.BudgetSet):
            return list(admissions(rows, cause))
        if isinstance(event, organisation.Resumed):
            return list(self.resume(rows, cause))
        if isinstance(event, organisation.CapSet):
            return [*cap_changed(rows, event.cap, cause), *self.dispatch(rows, cause)]
        if isinstance(event, _MAKES_ROOM):
            return list(self.dispatch(rows, cause))
        if isinstance(event, STANDING_CHANGES):
            self.forget_employee(event.employee)
            released: Iterator[Command] = iter(())
            if why := WHY_TAKEN_BACK.get(type(event)):
                released = taken_back(rows, cause, why, employee=event.employee)
            return [*released, *self.dispatch(rows, cause)]
        return ()

    def react_void(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        """Request the work of a void event again. If the organisation is paused or halted, this happens after the
        resume.
        """
        if recorded.envelope.type in ("task.assigned", "task.call_started"):
            self.picks.clear()
            if manager_view.organisation_phase(rows) == "running":
                return list(self.resume(rows, cause))
        return ()

    def forget(self, command: Command) -> None:
        """Forget the assignment that a refused command requested, so that it can be requested again."""
        if isinstance(command, task.Assign):
            self.picks.pop((command.run, command.task), None)

    def forget_older(self, at: int) -> None:
        """Forget assignments that were requested before `at` and had no effect, so that they can be requested again."""
        self.picks = {key: pick for key, pick in self.picks.items() if pick.at >= at}

    def forget_employee(self, employee: UUID) -> None:
        self.picks = {key: pick for key, pick in self.picks.items() if pick.employee != employee}

    def _of_run(self, event: RunEvent | TaskEvent, rows: Rows, cause: Cause) -> Iterator[Command]:
        run = event.run
        match event:
            case run_messages.Submitted():
                yield run_messages.Admit(**cause.fields("manager.admit"), run=run)
            case run_messages.Admitted():
                yield run_messages.Plan(**cause.fields("manager.plan"), run=run)
            case task.Assigned():
                self.picks.pop((run, event.task), None)
            case run_messages.Ended():
                yield from taken_back(rows, cause, "run_ended", run=run)
                yield from self.dispatch(rows, cause, run)
            case fund_messages.FundsRefused(reason=reason):
                yield end(run, "rejected", f"The Director refused a larger budget: {reason}", cause)
            case _ if isinstance(event, _GOES_ON):
                yield from self.dispatch(rows, cause, run)
            case run_messages.Verified() | Overridden():
                yield run_messages.StartDelivery(**cause.fields("manager.deliver"), run=run)
            case run_messages.Rejected(judgement=judgement):
                kinds = ", ".join(dict.fromkeys(finding.kind for finding in judgement.findings))
                yield end(run, "rejected", f"The merged tree was rejected: {kinds}.", cause)
            case run_messages.Released(ref=ref):
                yield end_released(run, rows, f" as {ref}", cause)
            case task.CallFinished():
                yield from release_stopped(event, rows, cause)
                if phase_of(event, rows) in ("answered", "waiting"):  # the employee is free again
                    yield from self.dispatch(rows, cause, run)
            case _ if isinstance(event, _FREES):
                yield from self.dispatch(rows, cause, run)

    def resume(self, rows: Rows, cause: Cause) -> Iterator[Command]:
        """Yield every command that a pause, a halt or a void event may have delayed."""
        yield from admissions(rows, cause)
        for row, state in open_in(rows, "admitted", "planned", "verified", "overridden"):
            if state.phase == "admitted":
                yield run_messages.Plan(**cause.fields("manager.plan"), run=row.scope)
            if state.phase in ("verified", "overridden"):
                yield run_messages.StartDelivery(**cause.fields("manager.deliver"), run=row.scope)
        yield from self.dispatch(rows, cause)

    def take_up(self, rows: Rows, now: int) -> Iterator[Command]:
        """Yield the commands that open runs wait for. The commands have the same ids as the first time, so nothing is
        done twice.

        This is for a run that had parked events. A replay has put these events into the rows, but a replay sends no
        commands.
        """
        if manager_view.organisation_phase(rows) != "running":
            return
        for row, state in open_in(rows, *TAKEN_UP):
            run, cause = row.scope, Cause(row.moved_by, now)
            match state.phase:
                case "submitted":
                    yield run_messages.Admit(**cause.fields("manager.admit"), run=run)
                case "admitted":
                    yield run_messages.Plan(**cause.fields("manager.plan"), run=run)
                case "planned":
                    yield from end_shadow(run, state, cause)
                case "verified" | "overridden":
                    yield run_messages.StartDelivery(**cause.fields("manager.deliver"), run=run)
                case "rejected":
                    yield end(run, "rejected", "The merged tree was rejected.", cause)
                case "released":
                    yield end_released(run, rows, "", cause)

    def dispatch(self, rows: Rows, cause: Cause, run: UUID | None = None) -> Iterator[Command]:
        """Assign the ready tasks of all open runs to free employees. End each run that cannot continue.

        The runs get employees in turns (agents/turns.py). `run`: the only run for which the event can be a reason to
        end. So if no employee is free, no other run is examined.
        """
        if manager_view.organisation_phase(rows) != "running":
            return
        if not has_runs_in(rows, "planned"):
            return
        desk = routing.StaffCapacity.of(rows, self.picks, cause.now)
        purse = Purse(rows, self.picks, cause.now)
        planned = planned_runs(rows, None if desk.has_room else run)
        router = Router(rows)

        def goes_on(place: Place) -> bool:
            """Leave a run out if no employee is free, or if a run with less work waits for the size of its prompt."""
            if run is not None and place.run != run and not desk.has_room:
                return False
            return all(desk.at_work[other] >= place.at_work for other in desk.unsized)

        queue = [
            (
                self.turns.place(each, desk.at_work[each], planned_at(state)),
                self._dispatch_run(each, state, desk, router, purse, cause),
            )
            for each, state in planned.items()
        ]
        yield from in_turns(queue, goes_on, cause.now)

    def _dispatch_run(
        self, run: UUID, state: RunState, desk: routing.StaffCapacity, router: Router, purse: Purse, cause: Cause
    ) -> Iterator[Command]:
        assert state.submitted is not None
        if state.asked is not None:
            return  # it waits for the Director's answer
        if state.tasks.blocked and (why := review.objection(state.tasks.values())):
            yield end(run, "rejected", f"The reviewer blocks the run: {why}", cause)
            return
        left = state.left
        for part in routing.candidates(state, desk, cause.now):
            picked = self.picks.get((run, part.id))
            size = self.sizes.wanted(run, part) if self.sizes is not None else None
            if picked is not None and picked.attempt > part.attempts:
                left = left - picked.reservation
                continue
            if attempts_used(part) >= state.submitted.attempts_max:
                yield end(run, "rejected", f"Task {part.name}: {end_reasons.no_answer(part)}.", cause)
                return
            if cause.now >= state.due_at:
                yield end(run, "rejected", "The run's minutes are used up.", cause)
                return
            team = desk.for_task(part, state)
            if routing.nobody_left(part, state, team):
                yield end(run, "rejected", f"Task {part.name}: {end_reasons.nobody_left(part, state.submitted)}", cause)
                return
            if self.sizes is not None and size is None:
                desk.unsized.add(run)  # agents/manager/briefing.py measures the prompt and then calls dispatch
                continue
            barred = routing.barred(part, state, team)
            short = purse.short(run, state, team, size)
            mine = within_task(state, part, left)
            answer, account = placed(router, Ask(run, state, part, team, mine, barred | short, size))
            if answer.ends and not short:
                yield end(run, "rejected", f"Task {part.name}: {answer.ends}", cause)
                return
            chosen = answer.employee
            if chosen is None:
                whole = within_task(state, part, state.left)
                if routing.unaffordable(team, whole, barred, size) and not routing.has_work(state):
                    yield no_budget(run, state, part, size, cause)
                    return
                yield from purse.reclaim(run, short - barred, team, cause)
                continue
            most = purse.most(run, state, (chosen, account), mine)
            reservation = routing.reservation_of(desk.profiles[chosen], most, size)
            assert reservation is not None, "the chosen employee is affordable"
            desk.take(chosen)
            if (loan := purse.lend(run, state, (chosen, account), reservation, cause)) is not None:
                yield loan  # the tranche's event leads to the assignment
                continue
            if account:
                desk.accounts.expect(account, reservation)
            self.turns.take(run, cause.now)
            self.picks[run, part.id] = routing.Pick(part.attempts + 1, chosen, cause.now, reservation, account)
            left = left - reservation
            terms = Terms(desk.profiles[chosen], reservation, self._lease_margin_s)
            yield assignment(run, state, part, answer, terms, cause, account)
