"""The reason why a run waits, given the manager's rows and the running processes (ADR 0031)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from agents.manager.routing import StaffCapacity
from agents.manager.wait_reasons import WaitReasons
from bus.projection_rows import Rows
from director.cli.live_view import WaitTeller
from director.services.waiting import NEEDED
from director.terminal.inbox_text import inbox_text
from director.terminal.wait_text import waiting_text
from domain import employee, incident, model_account, organisation, task
from domain.caps import Limit
from domain.message import Event, RunEvent, TaskEvent
from domain.money import Amount
from domain.organisation import CapSet
from domain.run_messages import Planned
from domain.run_messages import Rejected as RunRejected
from domain.tiers import Ceilings
from domain.waiting import PASSING, RunWait, Wait, WaitCode
from observability.process_registry import Serving
from observability.wait_metrics import StaffMetrics, WaitMetrics
from projections.manager import ManagerProjection
from projections.openrun import RUN_KEY, OpenRun, open_state
from tests.unit.runs import with_budget
from tests.unit.samples import (
    ANSWERED,
    ASSIGNED,
    AT,
    BAD,
    BUDGET,
    CALLING,
    CAP,
    EMPLOYEE,
    FIRST,
    INCIDENT,
    ORDER,
    OTHER_EMPLOYEE,
    PLANNED,
    PROFILE,
    RUN,
    SECOND,
    SUBMITTED,
    happened,
    uuid,
)
from tests.unit.test_named_staff import naming
from tests.unit.test_projections import recorded

ROLES = ("recorder", "manager", "verifier", "auditor", "accountant", "hr", "employees")
ALL_HERE = Serving(frozenset(ROLES), all_here=True)
ELSEWHERE = Serving(frozenset(), all_here=False)
OTHER_RUN = uuid(50)
FOUNDED = happened("organisation.founded")
HIRED = happened("employee.hired")
PAUSED, HALTED, SUSPENDED = (
    happened(name) for name in ("organisation.paused", "organisation.halted", "employee.suspended")
)
JUST_SUBMITTED = (*FOUNDED, *happened("run.submitted"))
MERGED = (
    *SUBMITTED,
    *happened("task.verified"),
    *(replace(event, task=SECOND) for event in SUBMITTED[len(PLANNED) :]),
    *(replace(event, task=SECOND) for event in happened("task.verified")),
    *happened("run.merged"),
)
DELIVERING = (*MERGED, *happened("run.verified", "run.delivery_started"))
FAILED = (
    *CALLING,
    task.CallFinished(
        run=RUN,
        task=FIRST,
        employee=EMPLOYEE,
        order=ORDER,
        snapshot=task.Snapshot(
            outcome="connection", provider="openai", endpoint="", model="m", message="refused", retry_after_s=90.0
        ),
        charged=Amount(),
        counts=False,
    ),
    task.AttemptEnded(
        run=RUN, task=FIRST, employee=EMPLOYEE, order=ORDER, outcome="connection", message="refused", counts=False
    ),
)


def without(*roles: str) -> Serving:
    return Serving(ALL_HERE.roles - set(roles), all_here=True)


def hired(**changes: object) -> tuple[Event, ...]:
    return (employee.Hired(employee=EMPLOYEE, profile=replace(PROFILE, **changes)),)


def colleague(**changes: object) -> tuple[Event, ...]:
    profile = replace(PROFILE, **({"name": "ben", "model": "qwen"} | changes))
    return (employee.Hired(employee=OTHER_EMPLOYEE, profile=profile),)


def account(**limits: object) -> tuple[Event, ...]:
    """Return an account with these limits."""
    return (
        model_account.AccountSet(name="main", server=PROFILE.server, limits=replace(model_account.NO_LIMITS, **limits)),
    )


def of_account(name: str) -> tuple[Event, ...]:
    """Return another run with a task that has an open call of this account."""
    others = of_other_run(*CALLING)
    return tuple(replace(each, account=name) if hasattr(each, "account") else each for each in others)


def of_other_run(*events: Event) -> tuple[Event, ...]:
    """Return the same events for another run, without the events of the organisation and the staff."""
    return tuple(replace(event, run=OTHER_RUN) for event in events if isinstance(event, RunEvent | TaskEvent))


def rows_after(events: Sequence[Event]) -> Rows:
    projection = ManagerProjection()
    rows = Rows(projection.tables)
    for seq, event in enumerate(events, start=1):
        entry = recorded(seq, event)
        envelope = replace(entry.envelope, run=getattr(event, "run", None))
        projection.apply(replace(entry, envelope=envelope), rows)
    return rows


def wait_after(events: Sequence[Event], serving: Serving = ALL_HERE, *, now: int = AT) -> Wait | None:
    rows = rows_after(events)
    row = rows.get(OpenRun, RUN, RUN_KEY)
    return WaitReasons(rows, serving, now).of(RUN, open_state(rows, row) if row else None)


@dataclass(frozen=True)
class Case:
    """One case: events and processes, then the expected code and words of sentence and hint.

    None: the run does not wait.
    """

    given: tuple[Event, ...]
    code: WaitCode | None
    says: str = ""
    hint: str = ""
    serving: Serving = field(default=ALL_HERE)


REVIEW_READY = tuple(
    replace(event, tasks=(event.tasks[0], replace(event.tasks[1], criteria=())))
    if isinstance(event, Planned)
    else event
    for event in (*SUBMITTED, *happened("task.verified"))
)
NO_MONEY = organisation.Founded(name="Aura", cap=Amount(BUDGET.usd / 2, CAP.tokens))
WORN_OUT = tuple(
    event
    for _ in range(24)
    for event in (
        *happened("task.assigned", "task.call_started"),
        *FAILED[-2:],
    )
)

HELD = incident.Raised(
    incident=INCIDENT,
    kind="regression",
    rule="regression",
    detail="worse",
    severity="severe",
    employee=EMPLOYEE,
    follows="pause_employee",
)
RUN_HELD = replace(HELD, kind="stalled_run", rule="stalled_run", run=RUN, employee=None, follows="pause_run")


def in_tier(**ceilings: Any) -> Event:
    """Return the event that places ada in a tier with these ceilings."""
    return employee.Placed(
        employee=EMPLOYEE, before=None, tier="mid", ceilings=Ceilings(**ceilings), reason="x", rules_version="hr-x"
    )


CASES: dict[str, Case] = {
    "nobody is hired": Case(PLANNED, "no_staff", "Nobody is on the staff.", "aura hire"),
    "control: somebody is hired, and is about to get the task": Case(
        (*PLANNED, *HIRED), "manager", "about to assign T1"
    ),
    "everybody is suspended": Case(
        (*PLANNED, *HIRED, *SUSPENDED), "suspended", "suspended: ada", "aura reinstate ada --reason"
    ),
    "an open incident pauses everybody": Case(
        (*PLANNED, *HIRED, HELD), "held", "ada: paused by an open incident (regression)", "aura incidents close"
    ),
    "control: somebody else is not paused": Case((*PLANNED, *HIRED, HELD, *colleague()), "manager"),
    "control: the incident is closed": Case((*PLANNED, *HIRED, HELD, *happened("incident.closed")), "manager"),
    "an open incident pauses the run": Case((*PLANNED, *HIRED, RUN_HELD), "held", "The run: paused", "aura incidents"),
    "control: an incident of another run": Case((*PLANNED, *HIRED, replace(RUN_HELD, run=OTHER_RUN)), "manager"),
    "control: the work goes on": Case((*CALLING, *HIRED, HELD, RUN_HELD), None),
    "control: somebody else is not suspended": Case((*PLANNED, *HIRED, *SUSPENDED, *colleague()), "manager"),
    "nobody knows a price": Case((*PLANNED, *hired(call_usd_max=None)), "no_price", "not known for ada", "--price-in"),
    "a price is unknown, and the other one is suspended": Case(
        (*PLANNED, *HIRED, *SUSPENDED, *colleague(call_usd_max=None)), "no_price", "not known for ben"
    ),
    "all rest after a fault": Case((*PLANNED, *HIRED, *FAILED[len(PLANNED) :]), "resting", "until 08:01:3", "refused"),
    "control: one rests, another one does not": Case(
        (*PLANNED, *HIRED, *colleague(), *FAILED[len(PLANNED) :]), "manager"
    ),
    "nobody has a free slot": Case(
        (*PLANNED, *HIRED, *of_other_run(*CALLING)), "no_slot", "ada works on run 00000000-0000", "--slots"
    ),
    "control: a second slot": Case((*PLANNED, *hired(slots=2), *of_other_run(*CALLING)), "manager"),
    "the run's budget pays no call": Case(
        (*FOUNDED, *with_budget(Amount(BUDGET.usd, 100)), *PLANNED[2:], *HIRED), "run_budget", "100 tokens left"
    ),
    "the cap of the day pays no call": Case(
        (*PLANNED, *HIRED, CapSet(cap="day", limit=Limit(tokens=100))), "cap", "100 tokens", "aura budget set"
    ),
    "the cap of dollars pays no call": Case(
        (*PLANNED, *HIRED, CapSet(cap="day", limit=Limit(usd=Decimal("0.01")))),
        "cap",
        ": day:2027-01-15 has 0.01 USD left.",
    ),
    "the cap stops": Case((*PLANNED, *HIRED, CapSet(cap="day", limit=Limit(usd=Decimal(0)))), "cap", "has 0 USD left."),
    "control: it does": Case((*PLANNED, *HIRED, CapSet(cap="day", limit=Limit(tokens=10**6))), "manager", "assign T1"),
    "the run asks for a larger budget": Case(
        (*PLANNED, *HIRED, *happened("run.funds_requested")), "asks_for_budget", "too little", "aura budget raise"
    ),
    "the tier of everybody forbids the price of a call": Case(
        (*PLANNED, *HIRED, in_tier(attempt_usd_max=Decimal("0.09"))),
        "tier",
        "ada (a call may cost 0.10 USD",
        "aura tier",
    ),
    "control: the tier allows the price": Case((*PLANNED, *HIRED, in_tier(attempt_usd_max=Decimal("0.10"))), "manager"),
    "control: another employee has no tier": Case(
        (*PLANNED, *HIRED, in_tier(attempt_usd_max=Decimal("0.09")), *colleague()), "manager"
    ),
    "the author alone could review": Case((*REVIEW_READY, *HIRED), "no_reviewer", "models of m", "another maker"),
    "control: somebody else reviews": Case((*REVIEW_READY, *HIRED, *colleague()), "manager", "assign T2"),
    "a new employee must pass shadow tasks first": Case(
        (*PLANNED, replace(HIRED[0], shadow_tasks_min=1)), "shadow_tasks", "ada must pass shadow tasks", "aura rerun"
    ),
    "control: somebody else has passed": Case(
        (*PLANNED, replace(HIRED[0], shadow_tasks_min=1), *colleague()), "manager", "assign T1"
    ),
    "the submission names somebody who cannot work": Case(
        (*naming(EMPLOYEE), *HIRED, *SUSPENDED, *colleague()), "only_named", "Only ada may do T1", "--employee"
    ),
    "control: it names somebody who can": Case((*naming(OTHER_EMPLOYEE), *HIRED, *SUSPENDED, *colleague()), "manager"),
    "calls failed too often": Case((*PLANNED, *HIRED, *WORN_OUT), "nobody_left", "failed too often", "aura hire"),
    "paused": Case((*PLANNED, *HIRED, *PAUSED), "paused", "is paused", "aura resume --reason"),
    "paused, and assigned before": Case((*ASSIGNED, *HIRED, *PAUSED), "paused"),
    "control: paused, and the call goes on": Case((*CALLING, *HIRED, *PAUSED), None),
    "paused before the admission": Case((*JUST_SUBMITTED, *PAUSED), "paused"),
    "control: a pause stops no delivery": Case((*DELIVERING, *HIRED, *PAUSED), "manager", "write the delivery"),
    "a halt stops it": Case((*DELIVERING, *HIRED, *HALTED), "halted", "is halted", "aura resume --reason"),
    "a halt stops a merge": Case((*MERGED[:-1], *HIRED, *HALTED), "halted"),
    "control: a verdict comes in a halt": Case((*MERGED, *HIRED, *HALTED), "verifier", "the merged tree"),
    "the organisation's budget is lent to others": Case(
        (NO_MONEY, *happened("run.submitted")), "organisation_budget", "0.50 USD", "aura budget --usd"
    ),
    "control: it is not": Case(JUST_SUBMITTED, "manager", "admit the run"),
    "not founded": Case(happened("run.submitted"), "not_founded", "", "aura up"),
    "the call is under way": Case((*CALLING, *HIRED), None),
    "no process works for its employee": Case(
        (*CALLING, *HIRED), "no_worker", "T1 is assigned to ada", "aura serve employee ada", without("employees")
    ),
    "control: a process of its own works for it": Case(
        (*CALLING, *HIRED), None, serving=Serving(without("employees").roles | {"employee:ada"}, all_here=True)
    ),
    "every account needs a person": Case(
        (*PLANNED, *hired(accounts=("main", "spare"))),
        "no_account",
        "ada has no account for a call: main is removed (there is no such account); spare is removed",
        "aura account reopen",
    ),
    "every account is at a limit": Case(
        (*PLANNED, *account(calls_max=1), *hired(accounts=("main",), slots=2), *of_account("main")),
        "account_limit",
        "main is in use (1 of 1 calls are open)",
        "by itself",
    ),
    "control: an account has room": Case(
        (*PLANNED, *account(calls_max=2), *hired(accounts=("main",), slots=2), *of_account("main")), "manager"
    ),
    "control: a process works for somebody who has another name now": Case(
        (*CALLING, *HIRED), None, serving=Serving(without("employees").roles | {"employee:eve"}, all_here=True)
    ),
    "a process works for somebody else": Case(
        (*CALLING, *HIRED, *colleague()),
        "no_worker",
        serving=Serving(without("employees").roles | {"employee:ben"}, all_here=True),
    ),
    "control: processes may be elsewhere": Case((*CALLING, *HIRED), None, serving=ELSEWHERE),
    "the answer is on its way": Case((*ANSWERED, *HIRED), None),
    "the verifier judges": Case((*SUBMITTED, *HIRED), "verifier", "the work on T1"),
    "the verifier is away": Case(
        (*SUBMITTED, *HIRED), "no_verifier", "No verifier", "aura status", without("verifier")
    ),
    "the merged tree is judged": Case((*MERGED, *HIRED), "verifier", "the merged tree"),
    "all is verified": Case((*MERGED[:-1], *HIRED), "manager", "merge the work"),
    "it was rejected": Case((*MERGED, RunRejected(run=RUN, judgement=BAD), *HIRED), "manager", "end the run"),
    "delivered": Case(
        (*DELIVERING, *happened("run.delivered")), "approval", "waits for your approval", f"aura approve {RUN}"
    ),
    "approved": Case((*DELIVERING, *happened("run.delivered", "run.approved")), "manager", "the release ref"),
    "ended": Case((*ASSIGNED, *happened("run.ended")), None),
    "nothing runs": Case((*PLANNED, *HIRED), "not_running", "does not run", "aura up", Serving(all_here=True)),
    "the manager is away": Case((*PLANNED, *HIRED), "no_manager", "No manager", "aura status", without("manager")),
    "the recorder is away": Case((*PLANNED, *HIRED), "no_recorder", "No recorder", "", without("recorder")),
    "it is in no rows": Case((*FOUNDED, *HIRED), "not_taken_up", "not taken up", "aura status"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_wait_names_its_reason(name: str) -> None:
    case = CASES[name]
    found = wait_after(case.given, case.serving)
    assert (found.code if found else None) == case.code, found
    if found is not None:
        assert case.says in found.message
        assert case.hint in found.hint


def test_an_employee_that_has_rested_is_not_a_reason() -> None:
    given = (*PLANNED, *HIRED, *FAILED[len(PLANNED) :])
    late = AT + 120_000_000
    before, after = wait_after(given), wait_after(given, now=late)
    assert before is not None
    assert after is not None
    assert (before.code, after.code) == ("resting", "manager")


def test_all_open_runs_are_told_at_once() -> None:
    rows = rows_after((*PLANNED, *of_other_run(*SUBMITTED), *HIRED))
    waits = WaitReasons(rows, ALL_HERE, AT).all()
    assert {run: wait.code for run, wait in waits.items()} == {RUN: "manager", OTHER_RUN: "verifier"}


def test_every_code_is_tried_or_is_the_directors_own() -> None:
    tried = {case.code for case in CASES.values() if case.code}
    assert set(get_args(WaitCode)) - tried == {"behind", "parked"}  # director/services/waiting.py, with its own tests
    assert set(PASSING) < set(get_args(WaitCode))


def test_the_adr_lists_every_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "adr" / "0031-every-wait-has-a-reason.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(get_args(WaitCode))


def said(*codes: WaitCode | None) -> list[int]:
    """Return the seconds at which a reason is printed, if it is computed once a second."""
    teller = WaitTeller()
    waits = [Wait(code=code, message="…") if code else None for code in codes]
    return [at for at, wait in enumerate(waits) if teller.next(wait, float(at))]


@pytest.mark.parametrize(
    ("seen", "at"),
    [
        (("paused", "paused", "paused"), [2]),
        (("paused",) * 9, [2]),
        (("paused", "paused", None), []),
        (("manager", "no_slot", "manager", "no_slot"), []),
        (("no_staff",) * 3 + ("paused",) * 3, [2, 5]),
        (("paused",) * 3 + (None,) + ("paused",) * 3, [2, 6]),
    ],
)
def test_a_reason_is_said_once_it_has_lasted_and_again_when_it_has_changed(
    seen: tuple[WaitCode | None, ...], at: list[int]
) -> None:
    assert said(*seen) == at


def test_a_screen_says_runs_with_the_same_reason_together() -> None:
    waits = [RunWait(run=uuid(number), title="Slug\x1b[2J maker", waiting=STAFFLESS) for number in (8, 9)]
    waits.append(RunWait(run=RUN, title="Other", waiting=Wait(code="paused", message="It is paused.", hint="Go on.")))
    text = waiting_text(waits)
    assert text.splitlines() == [
        "waits: 00000000-0000 Slug<U+001B>[2J maker and 1 more run: Nobody is on the staff.",
        "       Hire somebody.",
        "waits: 00000000-0000 Other: It is paused.",
        "       Go on.",
    ]
    assert inbox_text([], waits) == text
    assert inbox_text([]) == "Nothing waits for a decision."


STAFFLESS = Wait(code="no_staff", message="Nobody is on the staff.", hint="Hire somebody.")


def test_how_long_the_oldest_has_waited_for_the_same_reason() -> None:
    registry = CollectorRegistry()
    metrics = WaitMetrics(registry)
    paused = replace(STAFFLESS, code="paused")

    def told(reason: str) -> tuple[float | None, float | None]:
        names = ("aura_waiting_runs", "aura_waiting_run_seconds")
        runs, longest = (registry.get_sample_value(name, {"reason": reason}) for name in names)
        return runs, longest

    metrics.show({RUN: STAFFLESS}, AT)
    metrics.show({RUN: STAFFLESS, OTHER_RUN: STAFFLESS}, AT + 5_000_000)
    assert told("no_staff") == (2, 5.0)
    assert told("paused") == (0, 0.0)
    metrics.show({RUN: paused, OTHER_RUN: STAFFLESS}, AT + 7_000_000)
    assert (told("no_staff"), told("paused")) == ((1, 2.0), (1, 0.0))
    metrics.show({}, AT + 9_000_000)
    assert told("no_staff") == (0, 0.0)


def test_the_staff_is_counted_by_whether_it_may_get_work() -> None:
    registry = CollectorRegistry()
    staff = StaffMetrics(registry)

    def told(*events: Event, now: int = AT) -> dict[str, float | None]:
        staff.show(rows_after(events), now)
        states = ("ready", "resting", "suspended", "unpriced", "held")
        return {
            state: found
            for state in states
            if (found := registry.get_sample_value("aura_employees", {"state": state})) != 0
        }

    assert told() == {}
    assert told(*HIRED, *colleague(call_usd_max=None)) == {"ready": 1, "unpriced": 1}
    assert told(*HIRED, *SUSPENDED) == {"suspended": 1}
    assert told(*HIRED, HELD) == {"held": 1}
    assert told(*HIRED, HELD, *happened("incident.lapsed")) == {"ready": 1}
    fault = (*PLANNED, *HIRED, *FAILED[len(PLANNED) :])
    assert told(*fault) == {"resting": 1}
    assert told(*fault, now=AT + 120_000_000) == {"ready": 1}


def test_a_command_reads_every_table_of_the_manager_that_the_reasons_need() -> None:
    """A command reads only some tables. Rows raises KeyError for another one."""
    assert WaitReasons(Rows(NEEDED), Serving(), 0).all() == {}
    assert StaffCapacity.of(Rows(NEEDED), {}, 0).profiles == {}
    with pytest.raises(KeyError):
        StaffCapacity.of(Rows(NEEDED[:-1]), {}, 0)
