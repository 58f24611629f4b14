"""The table of contents: every event type, and every command with its decider and the events that it may cause."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args
from uuid import UUID

import msgspec

from domain import chat, employee, fund_messages, funds, incident, organisation, refusal, run, run_messages, task, user
from domain import employee_upcasters as upcasters
from domain import model_account as accounts
from domain import run_act_messages as acts
from domain.message import ORGANISATION, Command, Erased, Event
from domain.routing.record import with_first_model
from domain.tree import from_version_1

RUN_BEGINS = run_messages.Submitted.type
"""The type of the first event of each run. A reader that has read this event knows the run from its beginning."""
ScopeKind = Literal["organisation", "employee", "run", "task", "incident", "user", "chat"]

EVENTS: Mapping[str, type[Event]] = {
    kind.type: kind
    for kind in (
        organisation.Founded,
        organisation.BudgetSet,
        organisation.Paused,
        organisation.Halted,
        organisation.Resumed,
        organisation.HaltAcknowledged,
        organisation.BudgetReserved,
        organisation.BudgetSettled,
        organisation.CapSet,
        organisation.TrancheLent,
        organisation.TrancheReturned,
        organisation.CapWarned,
        organisation.BudgetRaised,
        organisation.LimitAccepted,
        organisation.LimitWithdrawn,
        organisation.FallbackSet,
        organisation.RoutingSet,
        organisation.VersionBlacklisted,
        organisation.VersionCleared,
        *get_args(accounts.AccountEvent),
        employee.Hired,
        employee.Warned,
        employee.Suspended,
        employee.Reinstated,
        employee.Dismissed,
        employee.Rehired,
        employee.Appealed,
        employee.AppealDecided,
        employee.Renamed,
        employee.Promoted,
        employee.Demoted,
        employee.Placed,
        employee.Fined,
        employee.ReviewerChecked,
        incident.Raised,
        incident.Acknowledged,
        incident.Worked,
        incident.Closed,
        incident.Lapsed,
        *user.CAUSES.values(),
        *chat.CAUSES.values(),
        refusal.CommandRefused,
        run_messages.Submitted,
        run_messages.SecretsConsented,
        run_messages.Admitted,
        run_messages.Planned,
        run_messages.Merged,
        run_messages.Verified,
        run_messages.Rejected,
        run_messages.DeliveryStarted,
        run_messages.Delivered,
        run_messages.Returned,
        *acts.EVENTS,
        run_messages.Approved,
        run_messages.Released,
        run_messages.Ended,
        fund_messages.TrancheReceived,
        fund_messages.TrancheReturned,
        fund_messages.BudgetWarned,
        fund_messages.BudgetRaised,
        fund_messages.FundsRequested,
        fund_messages.FundsRefused,
        task.Assigned,
        task.CallStarted,
        task.CallFinished,
        task.AttemptEnded,
        task.Submitted,
        task.Verified,
        task.Rejected,
        task.Released,
    )
}

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


def _with_gates(fields: dict[str, Any]) -> dict[str, Any]:
    """Upcast a verdict of version 1, which did not list its gates."""
    return {**fields, "judgement": {**fields["judgement"], "gates": [], "image": "", "attestation": ""}}


def _counted(fields: dict[str, Any]) -> dict[str, Any]:
    """Upcast a receipt of version 1. In version 1 there were no faults, and each attempt had exactly one call."""
    return {**fields, "counts": True, "index": 0}


def _with_end(fields: dict[str, Any]) -> dict[str, Any]:
    """Upcast a receipt of version 2, which also ended the attempt if the call gave no change."""
    return {**fields, "ends": fields["snapshot"]["outcome"] != "answered", "prompt": {}}


def _with_kinds(fields: dict[str, Any]) -> dict[str, Any]:
    """Upcast a difference with a manifest of version 1, which had only files."""
    return {**fields, "files": msgspec.to_builtins(from_version_1(fields["files"]))}


def _with_severity(fields: dict[str, Any]) -> dict[str, Any]:
    """Upcast an incident of version 1, which had no evidence, and from which nothing but a strike followed."""
    kind = fields["kind"]
    unknown: dict[str, Any] = {"evidence": [], "limits": {}, "measured": {}, "follows": "", "employee_version": None}
    return {**fields, "rule": kind, "severity": incident.SEVERITIES[kind], **unknown}


def _without_history(fields: dict[str, Any]) -> dict[str, Any]:
    """Upcast an event about a base from before working copies had a history."""
    return {**fields, "base_history": None}


UPCASTERS: Mapping[tuple[str, int], Upcaster] = {
    **{
        (event.type, 1): _with_gates
        for event in (task.Verified, task.Rejected, run_messages.Verified, run_messages.Rejected)
    },
    (task.Assigned.type, 1): lambda fields: {**fields, "form": "answer", "calls_max": 1},
    (task.Assigned.type, 2): lambda fields: {**fields, "skill": "", "choice": None, "account": ""},
    (task.Assigned.type, 3): with_first_model,
    (task.CallStarted.type, 2): lambda fields: {**fields, "account": ""},
    (task.CallFinished.type, 3): lambda fields: {**fields, "snapshot": {**fields["snapshot"], "account": ""}},
    (task.CallStarted.type, 1): lambda fields: {**fields, "index": 0, "bound": None, "claim": None},
    (task.CallFinished.type, 1): _counted,
    (task.CallFinished.type, 2): _with_end,
    (employee.Hired.type, 1): dict,
    (employee.Hired.type, 2): upcasters.with_server,
    (employee.Hired.type, 3): upcasters.without_session,
    (employee.Hired.type, 4): lambda fields: upcasters.without_accounts(upcasters.without_tier(fields)),
    (employee.Rehired.type, 1): upcasters.without_accounts,
    (employee.Warned.type, 1): upcasters.without_rules,
    (employee.Suspended.type, 1): lambda fields: {**upcasters.without_rules(fields), "until": None},
    (employee.Reinstated.type, 1): lambda fields: {**fields, "strikes_kept": False, "rule": ""},
    (employee.Dismissed.type, 1): lambda fields: {
        **upcasters.without_rules(fields),
        "incident": None,
        "rehire_from": None,
    },
    (task.Submitted.type, 1): lambda fields: {**_with_kinds(fields), "dropped": []},
    (run_messages.Merged.type, 1): _with_kinds,
    (run_messages.Submitted.type, 1): lambda fields: {**fields, "base_ref": None, "proof": "inside"},
    (run_messages.Submitted.type, 2): _without_history,
    (run_messages.Submitted.type, 3): lambda fields: {**fields, "employees": []},
    (run_messages.Submitted.type, 4): lambda fields: {**fields, "labels": {}, "estimate": None},
    (run_messages.Returned.type, 1): _without_history,
    (run_messages.Returned.type, 2): dict,
    (incident.Raised.type, 1): _with_severity,
}
"""(type, version) -> function that converts a payload to the next version. A base's manifest has its own versions."""


class Scope(msgspec.Struct, frozen=True):
    """The events of one entity, which a decision guards. `run`: set for a task, whose state is part of its run's."""

    kind: ScopeKind
    id: UUID
    run: UUID | None = None


class CommandSpec(msgspec.Struct, frozen=True):
    """`causes`: the event types that the command may cause. `id_field`: the field with the entity's id."""

    kind: ScopeKind
    causes: tuple[str, ...]
    id_field: str = ""


COMMANDS: Mapping[type[Command], CommandSpec] = {
    organisation.Found: CommandSpec("organisation", ("organisation.founded", "organisation.routing_set")),
    organisation.SetBudget: CommandSpec("organisation", ("organisation.budget_set",)),
    organisation.SetCap: CommandSpec("organisation", ("organisation.cap_set",)),
    organisation.Pause: CommandSpec("organisation", ("organisation.paused",)),
    organisation.Halt: CommandSpec("organisation", ("organisation.halted",)),
    organisation.Resume: CommandSpec("organisation", ("organisation.resumed",)),
    organisation.AcknowledgeHalt: CommandSpec("organisation", ("organisation.halt_acknowledged",)),
    organisation.SettleBudget: CommandSpec("organisation", ("organisation.budget_settled",)),
    organisation.AcceptLimit: CommandSpec("organisation", ("organisation.limit_accepted",)),
    organisation.WithdrawLimit: CommandSpec("organisation", ("organisation.limit_withdrawn",)),
    organisation.SetFallback: CommandSpec("organisation", ("organisation.fallback_set",)),
    organisation.SetRouting: CommandSpec("organisation", ("organisation.routing_set",)),
    organisation.BlacklistVersion: CommandSpec("organisation", ("organisation.version_blacklisted",)),
    organisation.ClearVersion: CommandSpec("organisation", ("organisation.version_cleared",)),
    accounts.SetAccount: CommandSpec("organisation", ("organisation.account_set",)),
    accounts.RemoveAccount: CommandSpec("organisation", ("organisation.account_removed",)),
    accounts.ReopenAccount: CommandSpec("organisation", ("organisation.account_reopened",)),
    employee.Hire: CommandSpec("employee", ("employee.hired",), "employee"),
    employee.Strike: CommandSpec(
        "employee", ("employee.warned", "employee.suspended", "employee.dismissed"), "employee"
    ),
    employee.Suspend: CommandSpec("employee", ("employee.suspended",), "employee"),
    employee.Reinstate: CommandSpec("employee", ("employee.reinstated",), "employee"),
    employee.Dismiss: CommandSpec("employee", ("employee.dismissed",), "employee"),
    employee.SuspendVersion: CommandSpec("employee", ("employee.suspended",), "employee"),
    employee.EndTerm: CommandSpec("employee", ("employee.reinstated",), "employee"),
    employee.Rehire: CommandSpec("employee", ("employee.rehired", "employee.reinstated"), "employee"),
    employee.Appeal: CommandSpec("employee", ("employee.appealed",), "employee"),
    employee.DecideAppeal: CommandSpec(
        "employee", ("employee.appeal_decided", "employee.reinstated", "employee.rehired"), "employee"
    ),
    employee.Rename: CommandSpec("employee", ("employee.renamed",), "employee"),
    employee.Assess: CommandSpec("employee", ("employee.promoted", "employee.demoted", "employee.placed"), "employee"),
    employee.LoseTrust: CommandSpec("employee", ("employee.demoted",), "employee"),
    employee.Place: CommandSpec("employee", ("employee.placed",), "employee"),
    employee.Fine: CommandSpec("employee", ("employee.fined",), "employee"),
    employee.RecordReviewerCheck: CommandSpec("employee", ("employee.reviewer_checked",), "employee"),
    incident.Raise: CommandSpec("incident", ("incident.raised",), "incident"),
    incident.Acknowledge: CommandSpec("incident", ("incident.acknowledged",), "incident"),
    incident.Work: CommandSpec("incident", ("incident.worked",), "incident"),
    incident.Close: CommandSpec("incident", ("incident.closed",), "incident"),
    incident.Lapse: CommandSpec("incident", ("incident.lapsed",), "incident"),
    **{kind: CommandSpec("user", (event.type,), "user") for kind, event in user.CAUSES.items()},
    **{kind: CommandSpec("chat", (event.type,), "message") for kind, event in chat.CAUSES.items()},
    run_messages.Submit: CommandSpec("run", ("run.submitted", "run.secrets_consented"), "run"),
    run_messages.Admit: CommandSpec(
        "run", ("organisation.budget_reserved", "organisation.cap_warned", "run.admitted", "run.ended"), "run"
    ),
    run_messages.Plan: CommandSpec("run", ("run.planned",), "run"),
    run_messages.Merge: CommandSpec("run", ("run.merged",), "run"),
    run_messages.JudgeMerged: CommandSpec("run", ("run.verified", "run.rejected"), "run"),
    run_messages.StartDelivery: CommandSpec("run", ("run.delivery_started",), "run"),
    run_messages.FinishDelivery: CommandSpec("run", ("run.delivered",), "run"),
    run_messages.Return: CommandSpec("run", ("run.returned",), "run"),
    **{kind: CommandSpec("run", causes, "run") for kind, causes in acts.COMMANDS.items()},
    run_messages.Approve: CommandSpec("run", ("run.approved",), "run"),
    run_messages.FinishRelease: CommandSpec("run", ("run.released",), "run"),
    run_messages.End: CommandSpec("run", ("run.ended",), "run"),
    fund_messages.LendTranche: CommandSpec(
        "run", ("organisation.tranche_lent", "organisation.cap_warned", "run.tranche_received"), "run"
    ),
    fund_messages.ReturnTranche: CommandSpec("run", ("organisation.tranche_returned", "run.tranche_returned"), "run"),
    fund_messages.RaiseBudget: CommandSpec(
        "run", ("organisation.budget_raised", "organisation.cap_warned", "run.budget_raised"), "run"
    ),
    fund_messages.RequestFunds: CommandSpec("run", ("run.funds_requested",), "run"),
    fund_messages.RefuseFunds: CommandSpec("run", ("run.funds_refused",), "run"),
    task.Assign: CommandSpec("run", ("task.assigned", "run.budget_warned"), "run"),
    task.ReleaseOrder: CommandSpec("run", ("task.released",), "run"),
    task.StartCall: CommandSpec("task", ("task.call_started",), "task"),
    task.FinishCall: CommandSpec("task", ("task.call_finished",), "task"),
    task.EndAttempt: CommandSpec("task", ("task.attempt_ended",), "task"),
    task.SubmitWork: CommandSpec("task", ("task.submitted",), "task"),
    task.Judge: CommandSpec("task", ("task.verified", "task.rejected"), "task"),
}


def scope_of(command: Command) -> Scope:
    """Return the part of the log that the command's decision guards."""
    spec = COMMANDS[type(command)]
    if spec.kind == "organisation":
        return Scope("organisation", ORGANISATION)
    entity: UUID = getattr(command, spec.id_field)
    return Scope(spec.kind, entity, command.run if isinstance(command, task.TaskCommand) else None)


Decider = tuple[Any, Callable[[Command, Any], tuple[Event, ...]], Callable[[Any, Event | Erased], Any]]
DECIDERS: Mapping[str, Decider] = {
    "organisation": (organisation.initial, organisation.decide, organisation.evolve),
    "employee": (employee.initial, employee.decide, employee.evolve),
    "incident": (incident.initial, incident.decide, incident.evolve),
    "user": (user.initial, user.decide, user.evolve),
    "chat": (chat.initial, chat.decide, chat.evolve),
    "run": (run.initial, run.decide, run.evolve),
}
"""Entity kind -> (initial, decide, evolve). The run's functions also decide for its tasks."""

Shared = Callable[[Command, organisation.OrganisationState, run.RunState], tuple[Event, ...]]
WITH_ORGANISATION: Mapping[type[Command], Shared] = {
    run_messages.Admit: run.decide_admission,
    fund_messages.LendTranche: funds.lend_tranche,
    fund_messages.ReturnTranche: funds.return_tranche,
    fund_messages.RaiseBudget: funds.raise_budget,
}
"""Command -> function that decides it for the organisation and a run together. Its events are one atomic batch."""
Consulted = organisation.OrganisationState | None
CONSULTS: Mapping[type[Command], Callable[[Command, organisation.OrganisationState, run.RunState], None]] = {
    task.Assign: funds.refuse_uncovered,
}
"""Command of a run -> function that may refuse it by the organisation's state, which its publish does not guard."""
