"""Events in words, with the names of tasks and employees instead of ids."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from agents.employees.call_errors import hint_of
from director.terminal.funds_text import funds_sentence
from director.terminal.text import clock, reasons
from domain import chat, employee, incident, model_account, organisation, refusal, run_messages, task, user
from domain import run_act_messages as acts
from domain.message import Recorded, TaskEvent
from domain.routing.record import ChoiceRecord
from domain.routing.sentence import sentence_of
from domain.routing.terms import TURNS
from domain.wording import counted, sentences

NAMING_TYPES = ("employee.hired", "employee.renamed", "run.planned", "user.created")
"""The events that give employees, tasks and users their names."""


def record_of(run: Mapping[str, Any]) -> str:
    """Return when a run was submitted, how long it took, and the command that shows its events.

    `run`: its line of `aura run show`.
    """
    took = f", ended after {(run['ended_at'] - run['submitted_at']) / 1_000_000:.1f} s" if run["ended_at"] else ""
    return (
        f"Submitted {clock(run['submitted_at'])} UTC{took}. "
        f"Its events: aura events --run {str(run['run'])[:13]}; the causes of one event: aura why SEQ"
    )


class Story:
    """Collects names and sessions from events, in order, and describes events in words."""

    def __init__(self) -> None:
        self.names: dict[UUID, str] = {}
        self._tasks: dict[UUID, str] = {}
        self._sessions: set[UUID] = set()  # orders of the form session

    def hear(self, recorded: Recorded) -> None:
        """Collect the names in an event, and whether an order is a session."""
        event = recorded.event
        if isinstance(event, employee.Hired):
            self.names[event.employee] = event.profile.name + (" (scripted)" if event.profile.scripted else "")
        elif isinstance(event, user.Created):
            self.names[event.user] = event.name
        elif isinstance(event, employee.Renamed):
            scripted = " (scripted)" if self.names.get(event.employee, "").endswith(" (scripted)") else ""
            self.names[event.employee] = f"{event.name}{scripted}"
        elif isinstance(event, run_messages.Planned):
            self._tasks |= {part.id: part.name for part in event.tasks}
        elif isinstance(event, task.Assigned) and event.form == "session":
            self._sessions.add(event.order)

    def tell(self, recorded: Recorded) -> str:
        """Return the description of an event; empty for an event that needs no description."""
        event = recorded.event
        if recorded.void:
            return f"void: {recorded.envelope.type} ({recorded.void})"
        if isinstance(event, run_messages.Planned):
            return f"planned: {', '.join(part.name for part in event.tasks)}"
        if isinstance(event, employee.EmployeeEvent):
            said = _of_employee(event)
            return f"{self.names.get(event.employee, event.employee)} {said}" if said else ""
        if isinstance(event, TaskEvent):
            in_session: bool = getattr(event, "order", None) in self._sessions
            who = str(self.names.get(event.employee, "?"))
            if isinstance(event, task.Assigned) and event.choice is not None and event.choice.strategy != TURNS:
                told = _of_task(event, self._tasks.get(event.task, "?"), who, in_session=in_session)
                return f"{told}. {self.reason_of(event.choice, event.employee)}"
            return _of_task(event, self._tasks.get(event.task, "?"), who, in_session=in_session)
        if isinstance(event, user.UserEvent):
            return f"user {self.names.get(event.user, event.user)} {_of_user(event)}"
        if isinstance(event, chat.MessageSent):
            return f"message to the manager: {event.text}"
        if isinstance(event, acts.Commented):
            about = "the run" if event.task is None else self._name(event.task)
            return f"comment on {about}: {event.text}"
        return _of_run(event) or funds_sentence(event, self._name)

    def _name(self, id: UUID) -> str:
        """Return the name of an employee or a task; its id if the name is not known."""
        return self.names.get(id) or self._tasks.get(id) or str(id)

    def task_name(self, id: UUID) -> str:
        """Return the name of a task; its id if the name is not known."""
        return self._tasks.get(id, str(id))

    def reason_of(self, choice: ChoiceRecord, employee: UUID) -> str:
        """Return why an employee was chosen, in one sentence."""
        return sentence_of(choice.as_choice(employee), {str(who): name for who, name in self.names.items()})

    def about(self, recorded: Recorded) -> str:
        """Return the task and the employee of a task's event; empty for other events."""
        event = recorded.event
        if not isinstance(event, TaskEvent):
            return ""
        return f"{self._tasks.get(event.task, '?')}, {self.names.get(event.employee, '?')}"


def _of_employee(event: employee.EmployeeEvent) -> str:
    """Return what happened to an employee, without its name; empty for a hire and a new name."""
    match event:
        case employee.Suspended(reason=reason, until=until) if until is not None:
            return f"is suspended until {clock(until)} UTC: {reason}"
        case employee.Warned(reason=reason) | employee.Suspended(reason=reason) | employee.Dismissed(reason=reason):
            return f"is {event.type.partition('.')[2]}: {reason}"
        case employee.Reinstated(reason=reason):
            return f"works again: {reason}"
        case employee.Rehired(reason=reason, probation=probation):
            return f"is hired again{', on probation' if probation else ''}: {reason}"
        case employee.TierChanged():
            low, high = event.lower // 10_000, event.upper // 10_000
            rate = "no work for too long" if event.rule == "trust" else f"{low} to {high}% of its attempts verified"
            return f"is {event.type.partition('.')[2]} from {event.before} to {event.tier}: {rate}"
        case employee.Placed(tier=tier, reason=reason):
            return f"has the tier {tier}: {reason}"
        case employee.Fined(percent=percent, tasks=tasks, reason=reason):
            return f"is fined: {percent}% more cost in routing for {tasks} attempts: {reason}"
        case employee.Appealed(grounds=grounds):
            return f"has an appeal: {grounds}"
        case employee.AppealDecided(granted=True, reason=reason):
            return f"has a strike less, because an appeal was granted: {reason}"
        case employee.AppealDecided(reason=reason):
            return f"keeps its strike, because an appeal was denied: {reason}"
    return ""


def _of_user(event: user.UserEvent) -> str:
    """Return what happened to a user, without its name."""
    match event:
        case user.Created(roles=roles):
            return f"is added, as {', '.join(roles)}"
        case user.RoleGranted(role=role, reason=reason):
            return f"got the role {role}: {reason}"
        case user.RoleRevoked(role=role, reason=reason):
            return f"lost the role {role}: {reason}"
        case user.Disabled(reason=reason):
            return f"is disabled: {reason}"
        case user.Enabled(reason=reason):
            return f"is enabled again: {reason}"
        case user.Linked(issuer=issuer, subject=subject):
            return f"may sign in at {issuer}, as {subject}"
        case user.Unlinked(issuer=issuer, subject=subject, reason=reason):
            return f"may no longer sign in at {issuer} as {subject}: {reason}"
    return ""


def _of_task(event: TaskEvent, name: str, who: str, *, in_session: bool) -> str:
    if (end := task.end_without_work(event)) is not None:
        return f"{name}: {_failed(end, who, in_session=in_session)}"
    match event:
        case task.Assigned(attempt=attempt):
            return f"{name}: attempt {attempt} to {who}" + (", in a session" if in_session else "")
        case task.Submitted(dropped=dropped) if dropped:
            return f"{name}: {who} wrote files outside its scope, and they were left out: {', '.join(dropped)}"
        case task.Verified():
            return f"{name}: verified, by {who}"
        case task.Rejected(judgement=judgement):
            found = [{"kind": one.kind, "path": one.path, "criterion": one.criterion} for one in judgement.findings]
            return f"{name}: rejected, by {who}: {reasons(found)}"
        case task.Released(reason=reason, cut_off=cut_off):
            return f"{name}: taken back from {who} ({reason}{', call cut off' if cut_off else ''})"
    return ""


def _failed(event: task.AttemptEnded, who: str, *, in_session: bool) -> str:
    """Describe an attempt that ended without work: its outcome, the provider's message, and the next step."""
    outcome, message = event.outcome, event.message
    if outcome == task.DECLINED:
        return f"{who} reports that the task cannot be done: {message}"
    used = "" if event.counts else ", no attempt is used up"
    what = f"the session of {who} ended without work" if in_session else f"the call of {who} failed"
    return sentences(f"{what} ({outcome}{used})", message, hint_of(outcome))


def halt_sentence(event: organisation.HaltAcknowledged) -> str:
    """Return what a component said at a halt."""
    ended = [f"{event.component} has stopped"]
    ended += [f"{counted(event.calls, 'call')} cut off"] if event.calls else []
    ended += [f"{counted(len(event.boxes), 'box', 'boxes')} ended: {', '.join(event.boxes)}"] if event.boxes else []
    if event.open_calls or event.in_flight.usd or event.in_flight.tokens:
        amount = f"{event.in_flight.usd} USD and {event.in_flight.tokens} tokens"
        ended.append(f"{counted(event.open_calls, 'call')} without a receipt, {amount} reserved and not settled")
    return "; ".join(ended)


def _of_run(event: object) -> str:
    match event:
        case run_messages.Submitted(title=title):
            return f"submitted: {title}"
        case run_messages.SecretsConsented(consent=consent):
            return f"employees may read {counted(consent.total, 'secret')} of the base: {consent.reason}"
        case run_messages.Merged(files=files):
            return f"merged {counted(len(files), 'file')}; the merged tree is judged next"
        case run_messages.Verified():
            return "the merged tree is verified"
        case run_messages.Rejected():
            return "the merged tree is rejected"
        case run_messages.Delivered(folder=folder):
            return f"delivered to {folder}"
        case run_messages.Returned(tasks=tasks, reason=reason):
            return f"returned to work, {counted(len(tasks), 'task is', 'tasks are')} open again: {reason}"
        case acts.Overridden():
            work = ", ".join(f"{part.name} (attempt {part.attempt}, {part.verdict})" for part in event.work)
            return f"OVERRIDE: releases work of run {event.of} without a verdict, {work}: {event.reason}"
        case organisation.HaltAcknowledged():
            return halt_sentence(event)
        case run_messages.Released(ref=ref):
            return f"released as {ref}"
        case run_messages.Ended(outcome=outcome, reason=reason):
            return f"ended: {outcome}. {reason}"
        case organisation.LimitAccepted(machine=machine, limit=limit, reason=reason):
            return f"accepted: machine {machine} need not hold {limit}: {reason}"
        case organisation.LimitWithdrawn(machine=machine, limit=limit, reason=reason):
            return f"withdrawn: machine {machine} must hold {limit}: {reason}"
        case organisation.VersionBlacklisted(employee_version=version, reason=reason):
            return f"version {version} is blacklisted: {reason}"
        case organisation.VersionCleared(employee_version=version, reason=reason):
            return f"version {version} is not blacklisted any more: {reason}"
        case model_account.AccountSet(name=name, server=server):
            return f"the account {name} at {server} has new settings"
        case model_account.AccountRemoved(name=name, reason=reason):
            return f"the account {name} is removed: {reason}"
        case model_account.AccountReopened(name=name, reason=reason):
            return f"the account {name} is open again: {reason}"
        case organisation.FallbackSet(role=role, employees=()):
            return f"the role {role} has no fallback chain: everybody may do its work"
        case organisation.FallbackSet(role=role, employees=employees):
            return f"the fallback chain of the role {role}: {', then '.join(str(who)[:13] for who in employees)}"
        case organisation.RoutingSet(strategy=strategy, value_usd=value_usd):
            value = "the run's budget by its tasks" if value_usd is None else f"{value_usd} USD"
            return f"the routing strategy is {strategy}; the value of a verified task is {value}"
        case incident.Raised(kind=kind, detail=detail):
            return f"incident {kind}: {detail}"
        case incident.Acknowledged(reason=reason):
            return f"incident acknowledged: {reason}"
        case incident.Worked(reason=reason):
            return f"incident worked on: {reason}"
        case incident.Closed(reason=reason):
            return f"incident closed: {reason}"
        case incident.Lapsed(reason=reason):
            return f"incident closed by its rule: {reason}"
        case refusal.CommandRefused(command=command, message=message):
            return f"refused {command}: {message}"
    return ""
