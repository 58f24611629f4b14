"""A run: the path of one requirement to verified software. Its state is the fold of its events and includes its tasks.

submitted -> admitted -> planned -> merged -> verified -> delivering -> delivered -> approved -> released -> ended, or
merged -> rejected -> ended. If the base has moved, or a person returns it with comments: delivered -> planned.
An override: overridden -> delivering -> ... -> ended. A run can end in every phase, with a reason.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from domain import funds, planning, returning, review, run_acts, shadow
from domain import run_act_messages as acts
from domain import run_messages as m
from domain import task as task_rules
from domain.assignment import may_assign
from domain.caps import ORGANISATION_CAP
from domain.errors import Conflict, Invalid, NotFound, Refused
from domain.fund_messages import RefuseFunds, RequestFunds
from domain.message import Command, Erased, Event, TaskEvent
from domain.organisation import OrganisationState, lend, warnings
from domain.organisation import evolve as evolve_organisation
from domain.run_state import MINUTE_US as MINUTE_US
from domain.run_state import Phase as Phase
from domain.run_state import RunState as RunState
from domain.run_state import files_of as files_of
from domain.task import Assign, EndAttempt, FinishCall, ReleaseOrder, TaskCommand
from domain.tasks import Tasks
from domain.tranches import charged, with_draws

initial = RunState()


def decide(command: Command, state: RunState) -> tuple[Event, ...]:
    if isinstance(command, m.Submit):
        return _submit(command, state)
    if state.submitted is None:
        run = getattr(command, "run", None)
        raise NotFound(f"There is no run {run}.", hint="`aura runs` lists them.")
    if isinstance(command, TaskCommand):
        return _decide_task(command, state)
    match command:
        case m.Plan(run=run):
            _expect(state, command, "admitted")
            return (m.Planned(run=run, tasks=planning.planned(run, state.submitted.plan)),)
        case m.Merge(run=run, tree=tree):
            _expect(state, command, "planned")
            shadow.refuse_merge(state.submitted.shadow)
            waiting = [task.name for task in state.tasks.values() if task.phase != "verified"]
            if waiting:
                raise Refused(f"Tasks {', '.join(waiting)} are not verified.", hint="Only verified work is merged.")
            if why := review.objection(state.tasks.values()):
                raise Refused(
                    f"The reviewer blocks the run: {why}",
                    hint="Read the review with `aura run show`, then submit the requirement again.",
                )
            return (m.Merged(run=run, files=files_of(state), tree=tree),)
        case m.JudgeMerged(run=run, judgement=judgement):
            _expect(state, command, "merged")
            if judgement.tree != state.tree:
                raise Refused("The verdict is about another tree.", hint="Judge the merged tree.")
            kind = m.Verified if judgement.verified else m.Rejected
            return (kind(run=run, judgement=judgement),)
        case m.StartDelivery(run=run):
            _expect(state, command, "verified", "overridden")
            return (m.DeliveryStarted(run=run),)
        case m.FinishDelivery(run=run, commit=commit, folder=folder, branch=branch):
            _expect(state, command, "delivering")
            return (m.Delivered(run=run, commit=commit, folder=folder, branch=branch),)
        case m.Return():
            _undecided(state)
            _expect(state, command, "delivered")
            return (returning.returned(command, state.submitted, state.commit, state.tasks),)
        case acts.ReturnWithComments():
            _undecided(state)
            _expect(state, command, "delivered")
            return run_acts.returned_with(command, state)
        case acts.Comment():
            return run_acts.commented(command, state)
        case m.Approve():
            return (_approve(command, state),)
        case m.FinishRelease(run=run, commit=commit, ref=ref):
            _expect(state, command, "approved")
            return (m.Released(run=run, commit=commit, ref=ref),)
        case m.End():
            return _end(command, state)
        case RequestFunds() | RefuseFunds():
            return funds.decide(command, state)
    raise TypeError(f"not a command of a run: {type(command).__name__}")


def decide_admission(command: Command, organisation: OrganisationState, state: RunState) -> tuple[Event, ...]:
    """Decide an admission. Its events are one atomic batch: the organisation's reservation and the run's start.

    If the reservation crosses 80% of the organisation's budget, the warning is in the same batch.
    """
    assert isinstance(command, m.Admit)
    if state.submitted is None:
        raise NotFound(f"There is no run {command.run}.", hint="`aura runs` lists them.")
    if state.override is not None:
        return ()  # nobody works on an override, so it needs no budget
    _expect(state, command, "submitted")
    allowance = state.submitted.allowance
    caps = {"usd": allowance.amount.usd, "tokens": allowance.amount.tokens, "minutes": allowance.minutes}
    empty = [name for name, cap in caps.items() if cap == 0]
    if empty:
        reason = f"The budget's {' and '.join(empty)} is 0, and 0 means stop."
        return (m.Ended(run=command.run, outcome="refused", reason=reason),)
    lent = lend(organisation, command.run, allowance.amount)
    warned = warnings(evolve_organisation(organisation, lent), command.run, [ORGANISATION_CAP])
    return (lent, *warned, m.Admitted(run=command.run, due_at=command.at + allowance.minutes * MINUTE_US))


def _submit(command: m.Submit, state: RunState) -> tuple[Event, ...]:
    if state.phase != "none":
        raise Conflict(f"Run {command.run} already exists.", hint="Submit with a new id.")
    override = (run_acts.overridden(command),) if isinstance(command, acts.Override) else ()
    return (planning.submitted(command), *planning.consented(command), *override)


def _decide_task(command: TaskCommand, state: RunState) -> tuple[Event, ...]:
    task = state.tasks.get(command.task)
    if task is None:
        raise NotFound(f"Run {command.run} has no task {command.task}.", hint="`aura run show` lists its tasks.")
    # The decision of a task must depend on the run's end: work after it is void by the law. Receipts still count.
    if state.phase == "ended" and not isinstance(command, FinishCall | EndAttempt | ReleaseOrder):
        raise Refused("The run has ended and accepts no more work.", hint="Submit the requirement again as a new run.")
    if isinstance(command, Assign):
        if command.attempt <= task.attempts:
            return ()
        _expect(state, command, "planned")
        may_assign(command, task, state)
        return (task_rules.decide(command, task), *funds.warnings(command, task, state))
    return (task_rules.decide(command, task),)


def _undecided(state: RunState) -> None:
    """Raise Conflict if the run is approved or has ended. The first decision is final."""
    if state.phase in ("approved", "released"):
        raise Conflict(
            f"The run is {state.phase} and cannot be decided again.", hint="It soon ends as delivered: do nothing."
        )
    if state.phase == "ended":
        raise Conflict(
            f"The run is ended{f' ({state.outcome})' if state.outcome else ''} and cannot be decided again.",
            hint="`aura run show` shows the reason. `aura submit` begins a new run.",
        )


def _approve(command: m.Approve, state: RunState) -> m.Approved:
    _undecided(state)
    _expect(state, command, "delivered")
    assert state.commit is not None
    if command.commit not in (None, state.commit):
        raise Conflict(
            f"The delivery is commit {state.commit}, not {command.commit}.", hint="Look at it again, then approve."
        )
    return m.Approved(run=command.run, commit=state.commit, reason=command.reason)


def _end(command: m.End, state: RunState) -> tuple[m.Ended, ...]:
    if command.outcome in ("declined", "cancelled"):  # a person's decision, not the manager's
        _undecided(state)
    if state.phase == "ended":
        return ()
    if command.outcome in ("delivered", run_acts.OUTCOME):
        _expect(state, command, "released")
        if (command.outcome == run_acts.OUTCOME) != (state.override is not None):
            raise Refused("Only an override ends as overridden.", hint="Every other released run ends as delivered.")
    elif state.phase == "released":
        raise Refused("The run is released, so it can only end as delivered.", hint="It ends so by itself.")
    elif state.phase == "approved":
        raise Refused("The run is approved and will be released in a moment.", hint="It then ends by itself.")
    if command.outcome == shadow.OUTCOME:
        shadow.check_end(state.submitted.shadow if state.submitted else None, state.phase, state.tasks)
    if command.outcome == "declined":
        _expect(state, command, "delivered")
    if not command.reason.strip():
        raise Invalid("A reason is needed to end a run.", hint='Add --reason "why".')
    return (m.Ended(run=command.run, outcome=command.outcome, reason=command.reason.strip()),)


def _expect(state: RunState, command: Command, *phases: Phase) -> None:
    if state.phase not in phases:
        raise Refused(
            f"The run is {state.phase}, but {type(command).__name__} needs a run that is {' or '.join(phases)}.",
            hint="`aura run show` shows its state.",
        )


_NEXT: Mapping[type[Event], Phase] = {
    m.DeliveryStarted: "delivering",
    m.Verified: "verified",
    m.Rejected: "rejected",
    m.Approved: "approved",
    m.Released: "released",
}


def evolve(state: RunState, event: Event | Erased) -> RunState:
    if isinstance(event, TaskEvent):
        tasks = state.tasks.evolved(event.task, task_rules.evolve, event)
        if tasks is state.tasks:
            return state
        if not state.tranches:
            return replace(state, tasks=tasks)
        paid = charged(state.tranches, state.tasks.get(event.task), event)
        return replace(state, tasks=with_draws(tasks, state.tranches, event), tranches=paid)
    return _evolve_run(state, event)


def _evolve_run(state: RunState, event: Event | Erased) -> RunState:
    match event:
        case m.Submitted():
            return replace(state, phase="submitted", submitted=event)
        case m.Admitted(due_at=due_at):
            return replace(state, phase="admitted", due_at=due_at)
        case m.Planned():
            return replace(state, phase="planned", tasks=Tasks(planning.first_states(event, state.submitted)))
        case m.Merged(tree=tree):
            return replace(state, phase="merged", tree=tree)
        case m.Returned() if state.submitted is not None:
            base = {name: getattr(event, name) for name in ("base_commit", "base_tree", "base_history")}
            return replace(
                state,
                phase="planned",
                submitted=replace(state.submitted, **base) if event.base_commit else state.submitted,
                tasks=Tasks(returning.tasks_after(event, state.tasks).values()),
                due_at=event.due_at,
                returns=state.returns + 1,
                tree=None,
                commit=None,
            )
        case m.Delivered(commit=commit):
            return replace(state, phase="delivered", commit=commit)
        case m.Ended(outcome=outcome):
            return replace(state, phase="ended", outcome=outcome, asked=None)
        case Erased(type="run.submitted") if state.phase == "none":
            return replace(state, phase="submitted")  # after a purge, the id still cannot be used again
        case Erased(type="run.ended"):
            return replace(state, phase="ended")
    if isinstance(event, acts.EVENTS):
        return run_acts.evolve(state, event)
    if isinstance(event, funds.FundsEvent):
        return funds.evolve(state, event)
    phase = _NEXT.get(type(event)) if isinstance(event, Event) else None
    return replace(state, phase=phase) if phase else state
