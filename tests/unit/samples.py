"""One organisation, one employee, one run of two tasks, and one instance of every event, for the stories."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from domain import (
    chat,
    employee,
    fund_messages,
    incident,
    model_account,
    organisation,
    refusal,
    run_messages,
    task,
    user,
)
from domain import run_act_messages as acts
from domain.caps import Limit, ReturnedPart
from domain.estimate import Estimate, Interval
from domain.judgement import Finding, GateRecord, Judgement
from domain.ladder import DAY_US
from domain.message import Event
from domain.money import Amount
from domain.planning import task_id
from domain.routing.record import CandidateRecord, ChoiceRecord
from domain.routing.terms import WorkTerms
from domain.run import MINUTE_US
from domain.snapshot import PromptRecord
from domain.tiers import NO_CEILINGS, Ceilings, Record
from domain.tree import DELETED, Entry


def uuid(n: int) -> UUID:
    """Return the n-th id of these tests."""
    return UUID(int=n)


AT = 1_800_000_000_000_000  # microseconds UTC
RUN, EMPLOYEE, OTHER_EMPLOYEE, ORDER, OTHER_ORDER, INCIDENT, PRINCIPAL = map(uuid, range(1, 8))
FIRST, SECOND = task_id(RUN, "T1"), task_id(RUN, "T2")
COMMAND = uuid(100)
CLAIM = uuid(101)
OTHER_RUN = uuid(103)
USER = user.user_id("anna")
CAP = Amount(Decimal("10.00"), 100_000)
BUDGET = Amount(Decimal("1.00"), 10_000)
CALL = Amount(Decimal("0.10"), 4096)
COST = Amount(Decimal("0.03"), 700)
DAY_KEY = "day:2027-01-15"
TRANCHE = Amount(Decimal("0.40"), 16_384)
TREE, OTHER_TREE, BLOB, EVIDENCE = (letter * 64 for letter in "abcd")

PROFILE = employee.Profile(
    name="ada",
    provider="openai",
    model="m",
    model_digest=BLOB,
    style="chat",
    scripted=False,
    call_usd_max=CALL.usd,
    prompt_usd_max=Decimal("0.06"),
    server="https://models.example.com",
    parameters={"temperature": "0.5"},
)
TERMS = employee.SessionTerms(calls_max=40, minutes=20.0, tokens_max=500_000, usd_max=Decimal("0.50"))
WITH_SESSIONS = replace(PROFILE, session=TERMS)
CEILINGS = Ceilings(high_risk=True, attempt_usd_max=Decimal("2.00"), open_attempts_max=2)
EVIDENCE_RECORD = Record(verified=19_000_000, failed=3_500_000, tier_verified=20, tier_failed=4, at=AT)
ALLOWANCE = run_messages.Allowance(amount=BUDGET, minutes=20)
PLAN = (
    run_messages.TaskPlan(name="T1", criteria=("A1",), scope=("a.py",)),
    run_messages.TaskPlan(name="T2", criteria=("A2", "A3"), scope=("b.py", "tests/**"), after=("T1",)),
)
GOOD = Judgement(
    verified=True,
    tree=TREE,
    grade="C",
    findings=(),
    evidence=EVIDENCE,
    seed=7,
    sandbox="bubblewrap",
    not_held=(),
    wall_s=0.5,
    gates=(
        GateRecord(gate="cases", grade="C", result="passed", seconds=0.25, text="4 of 4 passed", evidence=BLOB),
        GateRecord(gate="regression", grade="C", result="not_run", seconds=0.0),
    ),
    image=OTHER_TREE,
    attestation=BLOB,
)
BAD = Judgement(
    verified=False,
    tree=TREE,
    grade="C",
    findings=(
        Finding(kind="outside_scope", integrity=True, path="x.py", detail="wrote x.py", for_author="Stay in a.py."),
        Finding(kind="wrong_value", integrity=False, criterion="A1"),
    ),
    evidence=EVIDENCE,
    seed=8,
    sandbox="bubblewrap",
    not_held=("memory",),
    wall_s=1.25,
)
SNAPSHOT = task.Snapshot(
    outcome="answered",
    provider="openai",
    endpoint="http://127.0.0.1:1/v1",
    model="m",
    model_digest=BLOB,
    parameters={"max_tokens": 512, "seed": 7, "stop": None, "stream": False, "temperature": 0.5},
    prompt=BLOB,
    answer=OTHER_TREE,
    input_tokens=500,
    output_tokens=200,
    cost=COST,
    cost_source="configured",
    latency_s=1.5,
    finish_reason="stop",
)
FILES = {
    "a.py": Entry(kind="file", digest=BLOB),
    "data/latest": Entry(kind="link", target="2026"),
    "old.py": DELETED,
    "run.sh": Entry(kind="executable", digest=EVIDENCE),
    "vendor/lib": Entry(kind="submodule", target="1" * 40),
}
"""A difference with an entry of each kind."""
ESTIMATE = Estimate(
    micro_usd=Interval(low=10_000, mid=20_000, high=90_000),
    tokens=Interval(low=1000, mid=2000, high=9000),
    seconds=Interval(low=30, mid=60, high=600),
    delivered=900,
    within=850,
    attempts=12,
    unknown=1,
    staff=2,
)
CONSENT = run_messages.SecretsConsent(
    base_commit="1" * 40,
    reason="a key of the test bench",
    secrets=(
        run_messages.NamedSecret(path="config.py", line=3, kind="an AWS access key"),
        run_messages.NamedSecret(path="old.py", line=1, kind="a private key", earlier=True),
    ),
    total=2,
)
WORK = WorkTerms(
    deliver="library",
    language="python",
    skill={"risk": "high"},
    skills={"T1": {"size": "large"}},
    value_usd=Decimal("0.40"),
    values_usd={"T1": Decimal("1.50")},
)
CHOICE = ChoiceRecord(
    strategy="cascade",
    reason="best_value",
    value=400_000,
    value_from="run",
    risk="normal",
    size=1_000_000,
    failed=0,
    candidates=(
        CandidateRecord(
            employee=EMPLOYEE,
            version=employee.version_of(PROFILE),
            rate=500_000,
            rate_now=500_000,
            cost=30_000,
            time=1_500_000,
            reservation=340_000,
            drawn_rate=375_000,
            drawn=320_000,
        ),
        CandidateRecord(
            employee=OTHER_EMPLOYEE,
            version=employee.version_of(WITH_SESSIONS),
            rate=600_000,
            rate_now=550_000,
            cost=110_000,
            reservation=200_000,
            busy=True,
            handicap=10,
        ),
    ),
    more=3,
    seed="1b4e28ba",
    counter=5,
    model=2,
)
PROMPT = PromptRecord(base=None, kept=0, messages=(BLOB, TREE))
_WORK: dict[str, Any] = {"run": RUN, "task": FIRST, "employee": EMPLOYEE, "order": ORDER}

SAMPLES: tuple[Event, ...] = (
    organisation.Founded(name="Aura", cap=CAP),
    organisation.BudgetSet(cap=BUDGET),
    organisation.Paused(reason="lunch"),
    organisation.Halted(reason="fire"),
    organisation.Resumed(reason="all well"),
    organisation.HaltAcknowledged(
        halt=COMMAND, component="manager", boxes=("aura-1",), calls=1, open_calls=2, in_flight=CALL
    ),
    organisation.BudgetReserved(for_run=RUN, amount=BUDGET),
    organisation.BudgetSettled(for_run=RUN, spent=COST),
    organisation.CapSet(cap="day", limit=Limit(usd=Decimal("5.00"), tokens=200_000)),
    organisation.TrancheLent(for_run=RUN, amounts={DAY_KEY: TRANCHE}),
    organisation.TrancheReturned(for_run=RUN, parts={DAY_KEY: ReturnedPart(spent=COST, kept=CALL, closed=False)}),
    organisation.CapWarned(cap=DAY_KEY, for_run=RUN, limit=Limit(usd=Decimal("5.00")), committed=BUDGET),
    organisation.BudgetRaised(for_run=RUN, amount=COST),
    organisation.LimitAccepted(machine="lab", limit="tree memory", reason="my laptop"),
    organisation.LimitWithdrawn(machine="lab", limit="tree memory", reason="it has groups now"),
    organisation.FallbackSet(role="implementer", employees=(EMPLOYEE, OTHER_EMPLOYEE)),
    organisation.RoutingSet(strategy="cascade", value_usd=Decimal("0.40")),
    organisation.VersionBlacklisted(employee_version=employee.version_of(WITH_SESSIONS), reason="it forges verdicts"),
    organisation.VersionCleared(employee_version=employee.version_of(WITH_SESSIONS), reason="it was the harness"),
    model_account.AccountSet(
        name="main",
        server="https://api.example.com",
        limits=model_account.AccountLimits(
            requests_per_minute=60,
            tokens_per_minute=90_000,
            calls_max=4,
            usd_per_day=Decimal("12.50"),
            tokens_per_day=10**6,
        ),
    ),
    model_account.AccountRemoved(name="main", reason="closed at the provider"),
    model_account.AccountReopened(name="main", reason="the bill is paid"),
    employee.Hired(employee=EMPLOYEE, profile=WITH_SESSIONS, tier="probation", ceilings=CEILINGS),
    employee.Warned(
        employee=EMPLOYEE, incident=INCIDENT, reason="wrote x.py", rule="strike 1", rules_version="hr-0123456789ab"
    ),
    employee.Suspended(employee=EMPLOYEE, incident=None, reason="wrote it again", until=AT + DAY_US, rule=""),
    employee.Reinstated(employee=EMPLOYEE, reason="it was the harness", strikes_kept=True, rule="appeal"),
    employee.Dismissed(employee=EMPLOYEE, reason="too slow", rehire_from=AT + DAY_US),
    employee.Rehired(
        employee=EMPLOYEE,
        reason="a second chance",
        profile=replace(PROFILE, accounts=("main", "spare")),
        probation=True,
        suspended=False,
        tier="probation",
        ceilings=CEILINGS,
    ),
    employee.Appealed(employee=EMPLOYEE, incident=INCIDENT, grounds="the harness wrote x.py"),
    employee.AppealDecided(employee=EMPLOYEE, incident=INCIDENT, granted=True, reason="the log shows it"),
    employee.Renamed(employee=EMPLOYEE, name="bea"),
    employee.Promoted(
        employee=EMPLOYEE,
        before="probation",
        tier="junior",
        ceilings=NO_CEILINGS,
        record=EVIDENCE_RECORD,
        lower=700_000,
        upper=950_000,
        rule="probation",
        rules_version="hr-0123456789ab",
    ),
    employee.Demoted(
        employee=EMPLOYEE,
        before="junior",
        tier="probation",
        ceilings=CEILINGS,
        record=EVIDENCE_RECORD,
        lower=100_000,
        upper=400_000,
        rule="fall",
        rules_version="hr-0123456789ab",
    ),
    employee.Placed(
        employee=EMPLOYEE,
        before=None,
        tier="mid",
        ceilings=CEILINGS,
        reason="I know its work",
        rule="",
        rules_version="hr-0123456789ab",
    ),
    employee.Fined(
        employee=EMPLOYEE,
        incident=INCIDENT,
        percent=100,
        tasks=20,
        reason="wrote x.py",
        rule="integrity",
        rules_version="hr-0123456789ab",
    ),
    employee.ReviewerChecked(
        employee=EMPLOYEE,
        employee_version=uuid(102),
        planted=10,
        caught=7,
        clean=5,
        objected=1,
        unusable=1,
        runs=(RUN,),
    ),
    incident.Raised(
        incident=INCIDENT,
        kind="integrity",
        detail="wrote x.py",
        strike=True,
        run=RUN,
        task=FIRST,
        employee=EMPLOYEE,
        rule="integrity",
        severity="major",
        evidence=(COMMAND,),
        limits={"findings_max": 0},
        measured={"findings": 1},
        follows="pause_employee",
        employee_version=uuid(102),
    ),
    incident.Acknowledged(incident=INCIDENT, run=RUN, reason="I look at it"),
    incident.Worked(incident=INCIDENT, run=RUN, reason="the prompt was wrong"),
    incident.Closed(incident=INCIDENT, run=RUN, reason="it works again"),
    incident.Lapsed(incident=INCIDENT, run=RUN, reason="The employee has another version."),
    user.Created(user=USER, name="anna", roles=("operator", "approver")),
    user.RoleGranted(user=USER, role="auditor", reason="she audits"),
    user.RoleRevoked(user=USER, role="operator", reason="she submits no more"),
    user.Disabled(user=USER, reason="she left"),
    user.Enabled(user=USER, reason="she is back"),
    user.Linked(user=USER, issuer="https://id.example.org", subject="248289761001"),
    user.Unlinked(user=USER, issuer="https://id.example.org", subject="248289761001", reason="she has another account"),
    chat.MessageSent(
        message=uuid(51),
        text="cancel 0000: nobody needs it",
        act="cancel",
        command=COMMAND,
        about=RUN,
        attached=BLOB,
    ),
    refusal.CommandRefused(principal=PRINCIPAL, command="Assign", code="forbidden", message="Agents may not.", count=2),
    run_messages.Submitted(
        run=RUN,
        title="Slug maker",
        requirement=BLOB,
        sealed=EVIDENCE,
        fixtures=None,
        allowance=ALLOWANCE,
        plan=PLAN,
        attempts_max=2,
        allow_degraded=False,
        base_tree=EVIDENCE,
        base_repo="site",
        base_commit="1" * 40,
        base_ref="main",
        base_history="e" * 64,
        proof="notes",
        labels={"team": "web"},
        estimate=ESTIMATE,
        task_caps={"T1": Limit(usd=Decimal("0.50"))},
        on_budget="ask",
        work=WORK,
    ),
    run_messages.SecretsConsented(run=RUN, consent=CONSENT),
    run_messages.Admitted(run=RUN, due_at=AT + 20 * MINUTE_US),
    run_messages.Planned(
        run=RUN,
        tasks=(
            run_messages.PlannedTask(id=FIRST, name="T1", criteria=("A1",), scope=("a.py",)),
            run_messages.PlannedTask(
                id=SECOND, name="T2", criteria=("A2", "A3"), scope=("b.py", "tests/**"), after=(FIRST,)
            ),
        ),
    ),
    run_messages.Merged(run=RUN, files=FILES, tree=TREE),
    run_messages.Verified(run=RUN, judgement=GOOD),
    run_messages.Rejected(run=RUN, judgement=BAD),
    run_messages.DeliveryStarted(run=RUN),
    run_messages.Delivered(run=RUN, commit="c" * 40, folder="deliveries/slug", branch="main"),
    run_messages.Returned(
        run=RUN,
        commit="c" * 40,
        base_commit="2" * 40,
        base_tree=OTHER_TREE,
        base_history="f" * 64,
        due_at=AT + 20 * MINUTE_US,
        tasks=(SECOND,),
        files=(run_messages.TaskFiles(task=FIRST, files={"a.py": Entry(kind="file", digest=EVIDENCE)}),),
        conflicts=("b.py",),
        reason="main has moved",
    ),
    acts.Overridden(
        run=RUN,
        of=OTHER_RUN,
        files=FILES,
        tree=TREE,
        work=(acts.ReleasedWork(task=FIRST, name="T1", attempt=2, employee=EMPLOYEE, verdict="rejected"),),
        missing=("T2",),
        reason="the customer waits, and I read the code",
    ),
    acts.Commented(run=RUN, task=SECOND, text="Name the column `total`, not `sum`."),
    run_messages.Approved(run=RUN, commit="c" * 40, reason="I ran it"),
    run_messages.Released(run=RUN, commit="c" * 40, ref="refs/tags/release"),
    run_messages.Ended(run=RUN, outcome="delivered", reason="released"),
    fund_messages.TrancheReceived(run=RUN, amounts={DAY_KEY: TRANCHE}),
    fund_messages.TrancheReturned(run=RUN, parts={DAY_KEY: ReturnedPart(spent=COST, kept=CALL, closed=False)}),
    fund_messages.BudgetWarned(run=RUN, task=FIRST, limit=Limit(usd=Decimal("0.50")), committed=CALL),
    fund_messages.BudgetRaised(run=RUN, amount=COST, due_at=AT + 21 * MINUTE_US, reason="it is nearly done"),
    fund_messages.FundsRequested(run=RUN, reason="too little is left", at=AT, until=AT + DAY_US),
    fund_messages.FundsRefused(run=RUN, reason="it goes nowhere"),
    task.Assigned(
        **_WORK,
        attempt=1,
        seed=7,
        reservation=CALL,
        due_at=AT + MINUTE_US,
        form="answer",
        calls_max=1,
        skill="python/python/small/answer/normal",
        choice=CHOICE,
    ),
    task.CallStarted(**_WORK, index=0, bound=CALL, claim=CLAIM),
    task.CallFinished(**_WORK, snapshot=SNAPSHOT, charged=COST, counts=True, index=0, prompt=PROMPT),
    task.AttemptEnded(**_WORK, outcome="no_code", message="The answer has no code.", counts=True),
    task.Submitted(**_WORK, files=FILES, tree=TREE, dropped=("b.py",)),
    task.Verified(**_WORK, judgement=GOOD),
    task.Rejected(**_WORK, judgement=BAD),
    task.Released(**_WORK, reason="the lease ran out", cut_off=True, charged=CALL),
)
"""One instance of each event type. tests/unit/golden/events.json contains their bytes."""
_BY_TYPE = {event.type: event for event in SAMPLES}


def happened(*types: str) -> tuple[Event, ...]:
    """Return the instances of these types, in this order."""
    return tuple(_BY_TYPE[name] for name in types)


ADMITTED = happened("organisation.founded", "run.submitted", "organisation.budget_reserved", "run.admitted")
PLANNED = (*ADMITTED, *happened("run.planned"))
ASSIGNED = (*PLANNED, *happened("task.assigned"))
CALLING = (*ASSIGNED, *happened("task.call_started"))
ANSWERED = (*CALLING, *happened("task.call_finished"))
SUBMITTED = (*ANSWERED, *happened("task.submitted"))
"""The events that lead to each phase of the run's first task, from ASSIGNED on."""
