"""The registry is complete, the bytes of every event type are fixed, and a command causes the events of its entry."""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

import domain
from domain import employee, incident, model_account, organisation, run_messages, task, user
from domain import run_act_messages as acts
from domain.employee import version_of
from domain.ladder import DAY_US
from domain.message import ORGANISATION, Command, Event, RunEvent, TaskEvent
from domain.registry import COMMANDS, DECIDERS, EVENTS, UPCASTERS, WITH_ORGANISATION, Scope, scope_of
from domain.routing.terms import RoutingSetting
from tests.unit import (
    runs,
    test_caps,
    test_career,
    test_chat,
    test_discipline,
    test_employee,
    test_incident,
    test_task,
    test_user,
)
from tests.unit.given import decide
from tests.unit.samples import (
    ADMITTED,
    ANSWERED,
    ASSIGNED,
    AT,
    BAD,
    BLOB,
    BUDGET,
    CALLING,
    CAP,
    COMMAND,
    CONSENT,
    COST,
    EMPLOYEE,
    EVIDENCE,
    FIRST,
    INCIDENT,
    OTHER_TREE,
    PLANNED,
    PROFILE,
    RUN,
    SAMPLES,
    SUBMITTED,
    WITH_SESSIONS,
    happened,
)

GOLDEN = Path(__file__).parent / "golden" / "events.json"
"""{"type/version": payload}. A released entry never changes, and a new version adds a line."""
ABSTRACT = {
    Event,
    RunEvent,
    TaskEvent,
    employee.TierChanged,
    organisation.OrganisationEvent,
    employee.EmployeeEvent,
    incident.IncidentEvent,
    user.UserEvent,
}
FOUNDED = happened("organisation.founded")
HIRED = happened("employee.hired")
ACCOUNTED = (*FOUNDED, *happened("organisation.account_set"))

STORIES: tuple[tuple[tuple[Event, ...], Command], ...] = (
    ((), organisation.Found(id=COMMAND, at=AT, name="Aura", cap=CAP)),
    (FOUNDED, organisation.SetBudget(id=COMMAND, at=AT, cap=BUDGET)),
    (FOUNDED, organisation.Pause(id=COMMAND, at=AT, reason="lunch")),
    (FOUNDED, organisation.Halt(id=COMMAND, at=AT, reason="fire")),
    (
        (*FOUNDED, *happened("organisation.paused")),
        organisation.Resume(id=COMMAND, at=AT, reason="all well"),
    ),
    (
        (*FOUNDED, *happened("organisation.halted")),
        organisation.AcknowledgeHalt(id=COMMAND, at=AT, halt=COMMAND, component="manager"),
    ),
    (FOUNDED, organisation.AcceptLimit(id=COMMAND, at=AT, machine="lab", limit="tree memory", reason="mine")),
    (
        (*FOUNDED, *happened("organisation.limit_accepted")),
        organisation.WithdrawLimit(id=COMMAND, at=AT, machine="lab", limit="tree memory", reason="not mine"),
    ),
    (FOUNDED, organisation.SetFallback(id=COMMAND, at=AT, role="reviewer", employees=(EMPLOYEE,))),
    (
        (),
        organisation.Found(id=COMMAND, at=AT, name="Aura", cap=CAP, routing=RoutingSetting(strategy="cascade")),
    ),
    (FOUNDED, organisation.SetRouting(id=COMMAND, at=AT, routing=RoutingSetting(strategy="turns"))),
    (FOUNDED, organisation.BlacklistVersion(id=COMMAND, at=AT, employee_version=EMPLOYEE, reason="it forges")),
    (
        (*FOUNDED, *happened("organisation.version_blacklisted")),
        organisation.ClearVersion(id=COMMAND, at=AT, employee_version=version_of(WITH_SESSIONS), reason="not so"),
    ),
    *test_caps.STORIES,
    (FOUNDED, model_account.SetAccount(id=COMMAND, at=AT, name="main", server="https://api.example.com")),
    (ACCOUNTED, model_account.RemoveAccount(id=COMMAND, at=AT, name="main", reason="closed")),
    (ACCOUNTED, model_account.ReopenAccount(id=COMMAND, at=AT, name="main", reason="paid")),
    (ADMITTED, organisation.SettleBudget(id=COMMAND, at=AT, run=RUN, spent=COST)),
    ((), test_employee.hire(PROFILE)),
    (HIRED, test_employee.strike(1)),
    (test_employee.WARNED, test_employee.strike(1)),
    (HIRED, employee.Suspend(id=COMMAND, at=AT, employee=EMPLOYEE, reason="asked")),
    (test_employee.SUSPENDED, employee.Reinstate(id=COMMAND, at=AT, employee=EMPLOYEE, reason="my fault")),
    (HIRED, employee.Dismiss(id=COMMAND, at=AT, employee=EMPLOYEE, reason="too slow")),
    (test_discipline.struck(2), test_discipline.by_rules(3)),
    (HIRED, test_discipline.SUSPEND_VERSION),
    (test_employee.SUSPENDED, employee.EndTerm(id=COMMAND, at=AT + DAY_US, employee=EMPLOYEE)),
    (test_employee.DISMISSED, test_discipline.REHIRE),
    (
        (*test_employee.SUSPENDED, *happened("employee.dismissed")),
        test_discipline.REHIRE,
    ),
    (test_discipline.struck(1), test_discipline.appeal(1)),
    *(
        ((*test_discipline.struck(n), test_discipline.appealed(n)), test_discipline.decision(n, granted=True))
        for n in (1, 2, 3)
    ),
    (test_career.HIRED, test_career.assess("probation", test_career.GOOD)),
    (test_career.placed("mid", *HIRED), test_career.assess("mid", test_career.BAD)),
    (HIRED, replace(test_career.assess("probation", test_career.BAD), rules=test_career.OTHER_CEILINGS)),
    (test_career.placed("mid", *HIRED), test_career.lose("mid", test_career.GOOD, AT + 3650 * DAY_US)),
    (HIRED, test_career.place("senior")),
    (HIRED, test_career.fine(1)),
    (HIRED, employee.Rename(id=COMMAND, at=AT, employee=EMPLOYEE, name="bea")),
    (
        HIRED,
        employee.RecordReviewerCheck(
            id=COMMAND,
            at=AT,
            employee=EMPLOYEE,
            employee_version=FIRST,
            planted=1,
            caught=1,
            clean=1,
            objected=0,
            runs=(FIRST, RUN),
        ),
    ),
    ((), test_incident.COMMAND_FULL),
    (test_incident.RAISED, test_incident.ACKNOWLEDGE),
    (test_incident.RAISED, test_incident.WORK),
    (test_incident.RAISED, test_incident.CLOSE),
    (test_incident.REGRESSED, test_incident.LAPSE),
    ((), test_user.CREATE),
    ((test_user.CREATED,), test_user.GRANT),
    ((test_user.CREATED,), test_user.REVOKE),
    ((test_user.CREATED,), test_user.DISABLE),
    ((test_user.CREATED, test_user.DISABLED), test_user.ENABLE),
    ((), test_chat.SEND),
    ((test_user.CREATED,), test_user.LINK),
    ((test_user.CREATED, test_user.LINKED), test_user.UNLINK),
    ((), runs.SUBMIT),
    ((), replace(runs.SUBMIT, consent=CONSENT)),
    (happened("organisation.founded", "run.submitted"), runs.ADMIT),
    ((*FOUNDED, *runs.with_budget(BUDGET, minutes=0)), runs.ADMIT),
    *((runs.before(name), command) for command, name in runs.STAGES),
    (runs.ALL_VERIFIED, run_messages.Merge(id=COMMAND, at=AT, run=RUN, tree="a" * 64)),
    (
        runs.before("run.verified"),
        run_messages.JudgeMerged(id=COMMAND, at=AT, run=RUN, judgement=BAD),
    ),
    (runs.before("run.approved"), runs.RETURN),
    (runs.before("run.approved"), runs.RETURN_WITH_COMMENTS),
    (PLANNED, acts.Comment(id=COMMAND, at=AT, run=RUN, comment=runs.COMMENT)),
    ((), runs.OVERRIDE),
    (runs.WAY, replace(runs.END, outcome="delivered")),
    (PLANNED, runs.ASSIGN),
    (ASSIGNED, test_task.START),
    (CALLING, test_task.FINISH),
    (ANSWERED, test_task.HAND_IN),
    (ANSWERED, test_task.END),
    (SUBMITTED, test_task.JUDGE),
    (SUBMITTED, replace(test_task.JUDGE, judgement=BAD)),
    (CALLING, test_task.RELEASE),
)
"""Events and commands, so that each event that a command may cause occurs at least once."""


def kinds_of(base: type[Any]) -> Iterator[type[Any]]:
    """Return all subclasses in domain/, at any depth."""
    for module in pkgutil.iter_modules(domain.__path__, "domain."):
        importlib.import_module(module.name)
    for kind in base.__subclasses__():
        if kind.__module__.startswith("domain."):
            yield kind
            yield from kinds_of(kind)


def golden() -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(GOLDEN.read_bytes(), type=dict[str, msgspec.Raw])


def test_every_event_is_registered_under_its_type() -> None:
    assert set(kinds_of(Event)) - ABSTRACT == set(EVENTS.values())
    assert all(name == kind.type for name, kind in EVENTS.items())


def test_every_command_has_an_entry() -> None:
    assert set(kinds_of(Command)) - {run_messages.RunCommand, task.TaskCommand} == set(COMMANDS)


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: event.type)
def test_a_type_begins_with_its_entity(event: Event) -> None:
    kind, name = event.type.split(".")
    assert event.entity()[0] == kind
    assert name.isidentifier()
    assert name == name.lower()


def test_there_is_a_sample_of_every_type() -> None:
    assert [event.type for event in SAMPLES] == list(EVENTS)


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: event.type)
def test_the_bytes_of_an_event_never_change(event: Event) -> None:
    key = f"{event.type}/{event.version}"
    held = golden()
    assert key in held, f"add this line to {GOLDEN.name}: {key!r}: {msgspec.json.encode(event, order='sorted')!r}"
    assert msgspec.json.encode(event, order="sorted") == bytes(held[key])
    assert msgspec.json.decode(held[key], type=type(event)) == event


@pytest.mark.parametrize("key", golden())
def test_what_was_ever_released_still_reads(key: str) -> None:
    """Old versions too: through their upcasters they become the sample's class."""
    name, _, version = key.partition("/")
    fields = msgspec.json.decode(golden()[key])
    for step in range(int(version), EVENTS[name].version):
        fields = UPCASTERS[name, step](fields)
    assert msgspec.convert(fields, EVENTS[name]).type == name


@pytest.mark.parametrize("name", ["task.verified", "task.rejected", "run.verified", "run.rejected"])
def test_a_verdict_from_before_its_gates_were_told_has_none(name: str) -> None:
    old, new = (msgspec.json.decode(golden()[f"{name}/{version}"]) for version in (1, 2))
    assert "gates" not in old["judgement"]
    told = msgspec.convert(UPCASTERS[name, 1](old), EVENTS[name])
    assert isinstance(told, task.Verified | task.Rejected | run_messages.Verified | run_messages.Rejected)
    assert (told.judgement.gates, told.judgement.image, told.judgement.attestation) == ((), "", "")
    same = {"gates": [], "image": "", "attestation": ""}
    assert UPCASTERS[name, 1](old) == {**new, "judgement": {**new["judgement"], **same}}


def test_upcasters_lead_from_released_versions_to_the_present_one() -> None:
    assert all(name in EVENTS and 1 <= version < EVENTS[name].version for name, version in UPCASTERS)
    steps = {(name, version) for name, kind in EVENTS.items() for version in range(1, kind.version)}
    assert set(UPCASTERS) == steps


@pytest.mark.parametrize(("events", "command"), STORIES, ids=lambda value: type(value).__name__)
def test_a_command_causes_what_its_entry_says(events: tuple[Event, ...], command: Command) -> None:
    caused = [event.type for event in decide(command, *events)]
    assert caused
    assert set(caused) <= set(COMMANDS[type(command)].causes)


def test_an_entry_says_no_more_than_what_a_command_causes() -> None:
    caused: dict[type[Command], set[str]] = {}
    for events, command in STORIES:
        caused.setdefault(type(command), set()).update(event.type for event in decide(command, *events))
    assert caused == {kind: set(spec.causes) for kind, spec in COMMANDS.items()}


def test_all_causes_are_registered_and_all_events_but_refusals_have_a_cause() -> None:
    causes = {name for spec in COMMANDS.values() for name in spec.causes}
    assert causes == set(EVENTS) - {"refusal.refused"}


@pytest.mark.parametrize(("events", "command"), STORIES, ids=lambda value: type(value).__name__)
def test_a_command_guards_the_entity_that_it_changes(events: tuple[Event, ...], command: Command) -> None:
    """Some commands guard two scopes; releasing and assigning guard the whole run, as they share its budget."""
    scope = scope_of(command)
    assert scope.kind in {*DECIDERS, "task"}
    shared = {("organisation", ORGANISATION)} if type(command) in WITH_ORGANISATION else set()
    own = {event.entity() for event in decide(command, *events)} - shared
    whole_run = {("task", FIRST)} if isinstance(command, task.Assign | task.ReleaseOrder) else set()
    assert own - whole_run <= {(scope.kind, scope.id)}
    assert own & ({(scope.kind, scope.id)} | whole_run)
    assert scope.run == (RUN if isinstance(command, task.TaskCommand) else None)


def test_a_run_names_its_blobs() -> None:
    named = {event.type: event.blobs() for event in SAMPLES if isinstance(event, RunEvent) and event.blobs()}
    assert named == {
        "run.submitted": (BLOB, EVIDENCE, EVIDENCE, "e" * 64),
        "run.verified": (EVIDENCE, BLOB),
        "run.rejected": (EVIDENCE,),
        "run.returned": (OTHER_TREE, EVIDENCE, "f" * 64),
        "run.overridden": (BLOB, EVIDENCE),
    }


def test_scopes_of_each_kind() -> None:
    assert scope_of(organisation.Pause(id=COMMAND, at=AT, reason="x")) == Scope("organisation", ORGANISATION)
    assert scope_of(test_employee.strike(1)) == Scope("employee", EMPLOYEE)
    assert scope_of(test_incident.COMMAND_FULL) == Scope("incident", INCIDENT)
    assert scope_of(runs.ADMIT) == Scope("run", RUN)
    assert scope_of(runs.ASSIGN) == Scope("run", RUN, RUN)
    assert scope_of(test_task.START) == Scope("task", FIRST, RUN)
