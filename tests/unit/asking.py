"""Commands for the small world: random commands of every kind, and commands that fit its state and so make progress."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from msgspec.structs import replace

from domain import chat, employee, fund_messages, incident, model_account, organisation, run_messages, task, user
from domain import run_act_messages as acts
from domain.caps import Limit, account_cap, day_key, employee_cap
from domain.errors import AuraError
from domain.ladder import Step, StrikeRules
from domain.message import Command
from domain.money import Amount
from domain.planning import task_id
from domain.registry import COMMANDS
from domain.returning import attempts_used
from domain.routing.fixed_point import MICRO
from domain.routing.terms import RoutingSetting
from domain.run import MINUTE_US, RunState
from domain.tiers import NO_CEILINGS, TIERS, Record
from domain.tree import Entry
from governance.hr_rules import default
from tests.unit.samples import AT, BAD, CONSENT, GOOD, OTHER_TREE, PROFILE, SNAPSHOT, TREE, uuid
from tests.unit.world import CLAIMS, INCIDENTS, MESSAGES, NAMES, ORDERS, RUNS, STAFF, World

Asked = st.SearchStrategy[Command]

usd = st.sampled_from([Decimal(0), Decimal("0.10"), Decimal("0.37"), Decimal(1), Decimal(-1), Decimal("NaN")])
tokens = st.sampled_from([0, 1, 400, 1000, -1])
amounts = st.builds(Amount, usd, tokens)
sound_amounts = st.builds(Amount, st.sampled_from([Decimal("0.10"), Decimal("0.60")]), st.sampled_from([1, 600]))
reasons = st.sampled_from(["why"] * 7 + [" "])
times = st.integers(AT, AT + 3 * MINUTE_US)
_ids: dict[str, st.SearchStrategy[Any]] = {"id": st.integers(1000, 9999).map(uuid), "at": times}
_identity: dict[str, st.SearchStrategy[Any]] = {
    "user": st.just(user.user_id("eva")),
    "issuer": st.just("https://id.example.org"),
    **_ids,
}
PLANS = (
    (run_messages.TaskPlan(name="T1", criteria=("A1",), scope=("a.py",)),),
    (
        run_messages.TaskPlan(name="T1", criteria=("A1",), scope=("a.py",)),
        run_messages.TaskPlan(name="T2", criteria=("A2",), scope=("b.py",), after=("T1",)),
    ),
    (
        run_messages.TaskPlan(name="T1", criteria=("A1",), scope=("a.py",)),
        run_messages.TaskPlan(name="T2", criteria=("A2",), scope=("b.py",)),
    ),
    (run_messages.TaskPlan(name="T2", criteria=("A2",), scope=("b.py",), after=("T1",)),),
)
allowances = st.builds(
    run_messages.Allowance,
    amount=st.one_of(*[st.just(Amount(Decimal(1), 1000))] * 4, amounts),
    minutes=st.sampled_from([3, 3, 3, 3, 3, 3, 0, -1]),
)
judgements = st.sampled_from([GOOD, GOOD, BAD, replace(GOOD, tree=OTHER_TREE)])
snapshots = st.builds(
    lambda outcome, cost: replace(SNAPSHOT, outcome=outcome, cost=cost),
    st.sampled_from(["answered", "answered", "timed_out"]),
    st.one_of(st.none(), sound_amounts, amounts),
)
files = st.sampled_from([{"a.py": Entry(kind="file", digest="d" * 64)}] * 3 + [{}])

limits = st.sampled_from(
    [None, *[Limit(usd=Decimal(1), tokens=2000)] * 2, Limit(tokens=700), Limit(usd=Decimal(0)), Limit()]
)
cap_names = st.sampled_from(["day", "day", employee_cap(STAFF[0]), account_cap("key"), "week"])
caps = st.one_of(*[st.just(Amount(Decimal(5), 5000))] * 3, amounts)
VERSION = employee.version_of(PROFILE)
blacklists = st.sampled_from([(), (), (), (VERSION,)])
records = st.builds(
    lambda verified, failed: Record(
        verified=verified * MICRO, failed=failed * MICRO, tier_verified=verified, tier_failed=failed, at=AT
    ),
    st.sampled_from((0, 1, 40)),
    st.sampled_from((0, 1, 40)),
)
RULES = StrikeRules(
    version="hr-0123456789ab",
    ladder=(Step(action="warn"), Step(action="suspend", days=1), Step(action="end")),
    rehire_days=0,
)

roles = st.sampled_from(["viewer", "operator", "approver", "nobody"])
account_names = st.sampled_from(["main", "main", "spare", "not plain"])
CENT = Decimal("0.01")

_plain: dict[type[Command], Asked] = {
    organisation.Found: st.builds(
        organisation.Found, name=st.just("Aura"), cap=st.just(Amount(Decimal("2.5"), 2500)), **_ids
    ),
    organisation.SetBudget: st.builds(organisation.SetBudget, cap=caps, **_ids),
    organisation.SetCap: st.builds(organisation.SetCap, cap=cap_names, limit=limits, **_ids),
    organisation.Pause: st.builds(organisation.Pause, reason=reasons, **_ids),
    organisation.Halt: st.builds(organisation.Halt, reason=reasons, **_ids),
    organisation.Resume: st.builds(organisation.Resume, reason=reasons, **_ids),
    organisation.AcknowledgeHalt: st.builds(
        organisation.AcknowledgeHalt,
        halt=st.just(uuid(61)),
        component=st.sampled_from(["manager", "worker ada", " "]),
        in_flight=sound_amounts,
        **_ids,
    ),
    organisation.AcceptLimit: st.builds(
        organisation.AcceptLimit, machine=st.just("m"), limit=st.just("tree memory"), reason=reasons, **_ids
    ),
    organisation.WithdrawLimit: st.builds(
        organisation.WithdrawLimit, machine=st.just("m"), limit=st.just("tree memory"), reason=reasons, **_ids
    ),
    organisation.SetFallback: st.builds(
        organisation.SetFallback,
        role=st.sampled_from(["implementer", "reviewer"]),
        employees=st.lists(st.sampled_from(STAFF), max_size=3).map(tuple),
        **_ids,
    ),
    organisation.SetRouting: st.builds(
        organisation.SetRouting,
        routing=st.builds(
            RoutingSetting,
            strategy=st.sampled_from(["turns", "cascade", "dice"]),
            value_usd=st.sampled_from([None, Decimal("0.5"), Decimal(0)]),
        ),
        **_ids,
    ),
    organisation.BlacklistVersion: st.builds(
        organisation.BlacklistVersion, employee_version=st.just(VERSION), reason=reasons, **_ids
    ),
    organisation.ClearVersion: st.builds(
        organisation.ClearVersion, employee_version=st.just(VERSION), reason=reasons, **_ids
    ),
    model_account.SetAccount: st.builds(
        model_account.SetAccount,
        name=account_names,
        server=st.sampled_from(["https://a.example", "https://a.example", ""]),
        limits=st.builds(
            model_account.AccountLimits,
            calls_max=st.sampled_from([None, 1, 0]),
            usd_per_day=st.sampled_from([None, CENT]),
        ),
        **_ids,
    ),
    model_account.RemoveAccount: st.builds(model_account.RemoveAccount, name=account_names, reason=reasons, **_ids),
    model_account.ReopenAccount: st.builds(model_account.ReopenAccount, name=account_names, reason=reasons, **_ids),
    organisation.SettleBudget: st.builds(organisation.SettleBudget, run=st.sampled_from(RUNS), spent=amounts, **_ids),
    employee.Hire: st.builds(
        employee.Hire,
        employee=st.sampled_from(STAFF),
        profile=st.sampled_from([PROFILE, replace(PROFILE, style="grammar"), replace(PROFILE, slots=0)]),
        blacklisted=blacklists,
        tier=st.sampled_from((None, *TIERS)),
        ceilings=st.just(NO_CEILINGS),
        **_ids,
    ),
    employee.Strike: st.builds(
        employee.Strike,
        employee=st.sampled_from(STAFF),
        incident=st.sampled_from(INCIDENTS),
        reason=reasons,
        rules=st.sampled_from([None, RULES, RULES]),
        **_ids,
    ),
    employee.Suspend: st.builds(
        employee.Suspend,
        employee=st.sampled_from(STAFF),
        reason=reasons,
        until=st.sampled_from([None, AT + MINUTE_US]),
        **_ids,
    ),
    employee.SuspendVersion: st.builds(
        employee.SuspendVersion,
        employee=st.sampled_from(STAFF),
        employee_version=st.just(VERSION),
        reason=st.just("blacklisted"),
        **_ids,
    ),
    employee.EndTerm: st.builds(employee.EndTerm, employee=st.sampled_from(STAFF), **_ids),
    employee.Reinstate: st.builds(
        employee.Reinstate, employee=st.sampled_from(STAFF), reason=reasons, blacklisted=blacklists, **_ids
    ),
    employee.Rehire: st.builds(
        employee.Rehire, employee=st.sampled_from(STAFF), reason=reasons, blacklisted=blacklists, **_ids
    ),
    employee.Appeal: st.builds(
        employee.Appeal,
        employee=st.sampled_from(STAFF),
        incident=st.sampled_from(INCIDENTS),
        grounds=reasons,
        filings_max=st.just(2),
        **_ids,
    ),
    employee.DecideAppeal: st.builds(
        employee.DecideAppeal,
        employee=st.sampled_from(STAFF),
        incident=st.sampled_from(INCIDENTS),
        granted=st.booleans(),
        reason=reasons,
        **_ids,
    ),
    employee.Assess: st.builds(
        employee.Assess,
        employee=st.sampled_from(STAFF),
        tier=st.sampled_from(TIERS),
        record=records,
        rules=st.just(default().of_tiers),
        **_ids,
    ),
    employee.LoseTrust: st.builds(
        employee.LoseTrust,
        employee=st.sampled_from(STAFF),
        tier=st.sampled_from(TIERS),
        record=records,
        rules=st.just(default().of_tiers),
        **_ids,
    ),
    employee.Place: st.builds(
        employee.Place,
        employee=st.sampled_from(STAFF),
        tier=st.sampled_from(TIERS),
        ceilings=st.just(NO_CEILINGS),
        rules_version=st.just("hr-x"),
        reason=reasons,
        **_ids,
    ),
    employee.Fine: st.builds(
        employee.Fine,
        employee=st.sampled_from(STAFF),
        incident=st.sampled_from(INCIDENTS),
        kind=st.sampled_from(("integrity", "regression")),
        reason=reasons,
        rules=st.just(default().of_fines),
        **_ids,
    ),
    employee.RecordReviewerCheck: st.builds(
        employee.RecordReviewerCheck,
        employee=st.sampled_from(STAFF),
        employee_version=st.just(VERSION),
        planted=st.just(2),
        caught=st.sampled_from([1, 3]),
        clean=st.just(1),
        objected=st.just(0),
        **_ids,
    ),
    employee.Dismiss: st.builds(employee.Dismiss, employee=st.sampled_from(STAFF), reason=reasons, **_ids),
    employee.Rename: st.builds(
        employee.Rename, employee=st.sampled_from(STAFF), name=st.sampled_from(["ada", "bea", " "]), **_ids
    ),
    incident.Raise: st.builds(
        incident.Raise,
        incident=st.sampled_from(INCIDENTS),
        kind=st.sampled_from(["integrity", "stalled_run"]),
        detail=st.just("x"),
        **_ids,
    ),
    **{
        kind: st.builds(kind, incident=st.sampled_from(INCIDENTS), reason=reasons, **_ids)
        for kind in (incident.Acknowledge, incident.Work, incident.Close, incident.Lapse)
    },
    user.Create: st.builds(
        user.Create,
        user=st.just(user.user_id("eva")),
        name=st.sampled_from(["eva", "eva", "Eva"]),
        roles=st.sampled_from([("viewer",), ("viewer", "operator"), ()]),
        **_ids,
    ),
    **{
        kind: st.builds(kind, user=st.just(user.user_id("eva")), role=roles, reason=reasons, **_ids)
        for kind in (user.GrantRole, user.RevokeRole)
    },
    **{
        kind: st.builds(kind, user=st.just(user.user_id("eva")), reason=reasons, **_ids)
        for kind in (user.Disable, user.Enable)
    },
    chat.SendMessage: st.builds(
        chat.SendMessage,
        message=st.sampled_from(MESSAGES),
        text=st.sampled_from(["pause: lunch", " ", "x" * (chat.MESSAGE_CHARACTERS_MAX + 1)]),
        act=st.sampled_from(chat.ACTS),
        command=st.sampled_from(ORDERS),
        about=st.one_of(st.none(), st.sampled_from(RUNS)),
        **_ids,
    ),
    user.Link: st.builds(user.Link, subject=st.sampled_from(["eva", "eva", ""]), **_identity),
    user.Unlink: st.builds(user.Unlink, subject=st.just("eva"), reason=reasons, **_identity),
}
_run: dict[str, st.SearchStrategy[Any]] = {"run": st.sampled_from(RUNS), **_ids}
tranche_keys = st.sampled_from([day_key(AT), day_key(AT), employee_cap(STAFF[0]), "day:2001-01-01"])
remarks = st.builds(
    acts.TaskComment,
    task=st.one_of(st.none(), st.builds(task_id, st.sampled_from(RUNS), st.sampled_from(NAMES))),
    text=st.sampled_from(["shorter names", "shorter names", " "]),
)
_submission: dict[str, st.SearchStrategy[Any]] = {
    "title": st.just("Slug maker"),
    "requirement": st.just("a" * 64),
    "sealed": st.none(),
    "allowance": allowances,
    "plan": st.sampled_from(PLANS + PLANS[:3] + PLANS[2:3]),
    "attempts_max": st.sampled_from([3, 3, 2, 2, 1, 1, 0]),
    "base_commit": st.sampled_from([None, "1" * 40, "1" * 40]),
    "task_caps": st.sampled_from([{}, {}, {"T1": Limit(usd=Decimal("0.60"))}, {"T9": Limit(tokens=1)}]),
    "on_budget": st.sampled_from(["end", "ask"]),
    "consent": st.sampled_from([None, None, None, replace(CONSENT, base_commit="1" * 40)]),
    **_run,
}
_stages: dict[type[Command], Asked] = {
    run_messages.Submit: st.builds(run_messages.Submit, **_submission),
    acts.Override: st.builds(
        acts.Override,
        of=st.sampled_from([*RUNS, uuid(62)]),
        files=files,
        tree=st.just(TREE),
        released=st.just(
            (acts.ReleasedWork(task=uuid(63), name="T1", attempt=1, employee=STAFF[0], verdict="rejected"),)
        ),
        reason=reasons,
        **_submission,
    ),
    run_messages.Admit: st.builds(run_messages.Admit, **_run),
    fund_messages.LendTranche: st.builds(
        fund_messages.LendTranche, needs=st.dictionaries(tranche_keys, sound_amounts, max_size=2), **_run
    ),
    fund_messages.ReturnTranche: st.builds(
        fund_messages.ReturnTranche, keys=st.sampled_from([(), (), (day_key(AT),)]), **_run
    ),
    fund_messages.RaiseBudget: st.builds(
        fund_messages.RaiseBudget,
        task=st.one_of(st.none(), st.builds(task_id, st.sampled_from(RUNS), st.sampled_from(NAMES))),
        amount=amounts,
        **_run,
    ),
    fund_messages.RequestFunds: st.builds(fund_messages.RequestFunds, reason=reasons, **_run),
    fund_messages.RefuseFunds: st.builds(fund_messages.RefuseFunds, reason=reasons, **_run),
    run_messages.Plan: st.builds(run_messages.Plan, **_run),
    run_messages.Merge: st.builds(run_messages.Merge, tree=st.just(TREE), **_run),
    run_messages.JudgeMerged: st.builds(run_messages.JudgeMerged, judgement=judgements, **_run),
    run_messages.StartDelivery: st.builds(run_messages.StartDelivery, **_run),
    run_messages.FinishDelivery: st.builds(
        run_messages.FinishDelivery, commit=st.just("c"), folder=st.just("f"), branch=st.just("b"), **_run
    ),
    run_messages.Return: st.builds(
        run_messages.Return,
        commit=st.sampled_from(["c", "c", "d"]),
        base_commit=st.sampled_from(["1" * 40, "2" * 40, "3" * 40]),
        base_tree=st.just(TREE),
        reason=reasons,
        **_run,
    ),
    acts.ReturnWithComments: st.builds(
        acts.ReturnWithComments,
        commit=st.sampled_from(["c", "c", "d"]),
        comments=st.lists(remarks, max_size=2).map(tuple),
        **_run,
    ),
    acts.Comment: st.builds(acts.Comment, comment=remarks, **_run),
    run_messages.Approve: st.builds(run_messages.Approve, commit=st.sampled_from([None, "c", "d"]), **_run),
    run_messages.FinishRelease: st.builds(run_messages.FinishRelease, commit=st.just("c"), ref=st.just("r"), **_run),
    run_messages.End: st.builds(
        run_messages.End,
        outcome=st.sampled_from(["delivered", "rejected", "declined", "cancelled", "overridden"]),
        reason=reasons,
        **_run,
    ),
}
_due = times.map(lambda at: at + MINUTE_US)
_task: dict[str, st.SearchStrategy[Any]] = {
    **_run,
    "task": st.builds(task_id, st.sampled_from(RUNS), st.sampled_from(NAMES)),
    "employee": st.sampled_from(STAFF),
    "order": st.sampled_from(ORDERS),
}
_FORMS = (*[("answer", 1)] * 8, ("session", 3), ("session", 3), ("session", 0), ("answer", 2))


def _with_form(command: task.Assign) -> st.SearchStrategy[task.Assign]:
    return st.sampled_from(_FORMS).map(lambda pair: replace(command, form=pair[0], calls_max=pair[1]))


_work: dict[type[Command], Asked] = {
    task.Assign: st.builds(
        task.Assign,
        attempt=st.integers(1, 4),
        seed=st.just(7),
        reservation=st.one_of(sound_amounts, sound_amounts, amounts),
        due_at=_due,
        **_task,
    ).flatmap(_with_form),
    task.StartCall: st.builds(
        task.StartCall,
        index=st.sampled_from([0, 0, 1, 2]),
        bound=st.one_of(sound_amounts, amounts),
        claim=st.sampled_from(CLAIMS),
        **_task,
    ),
    task.FinishCall: st.builds(task.FinishCall, snapshot=snapshots, index=st.sampled_from([0, 0, 1, 2]), **_task),
    task.EndAttempt: st.builds(task.EndAttempt, outcome=st.sampled_from(["no_code", "stuck", "connection"]), **_task),
    task.SubmitWork: st.builds(task.SubmitWork, files=files, tree=st.just(TREE), **_task),
    task.Judge: st.builds(task.Judge, judgement=judgements, **_task),
    task.ReleaseOrder: st.builds(task.ReleaseOrder, reason=reasons, **_task),
}
KINDS = _plain | _stages | _work
commands: Asked = st.one_of(*KINDS.values())
"""A random command of any kind, about any entity."""

_STAGE_AFTER: dict[str, type[Command]] = {
    "none": run_messages.Submit,
    "submitted": run_messages.Admit,
    "admitted": run_messages.Plan,
    "merged": run_messages.JudgeMerged,
    "verified": run_messages.StartDelivery,
    "overridden": run_messages.StartDelivery,
    "delivering": run_messages.FinishDelivery,
    "approved": run_messages.FinishRelease,
}
_STAFF_AFTER: dict[str, tuple[type[Command], ...]] = {
    "unknown": (employee.Hire,),
    "working": (employee.Strike, employee.Strike, employee.Appeal, employee.DecideAppeal),
    "suspended": (employee.Reinstate, employee.Strike, employee.EndTerm, employee.Appeal, employee.DecideAppeal),
    "dismissed": (employee.Rehire, employee.Appeal, employee.DecideAppeal, employee.Dismiss),
}
NEW = (9, 10, 11)
"""The throws of the die that ask for a command of a kind that has not happened yet."""
TRIES_MAX = 7
"""So often a refused command of a new kind is drawn again."""
_MAY_BE_RELEASED = ("assigned", "calling", "answered")


def fitting(world: World) -> list[Asked]:
    """Return commands that continue open work, one or more for each run."""
    if world.organisation.phase != "running":
        return [_plain[organisation.Found if world.organisation.phase == "unfounded" else organisation.Resume]]
    found: list[Asked] = []
    for key in RUNS:
        state = world.runs.get(key, RunState())
        if state.phase == "planned":
            found += _work_of(state)
        elif state.phase in ("released", "rejected"):
            outcome = "delivered" if state.phase == "released" else "rejected"
            outcome = "overridden" if state.override is not None else outcome
            found.append(_fixed(run_messages.End, run=key, outcome=outcome))
        elif state.phase == "delivered":
            conflicts = dict.fromkeys([*state.tasks][: key.int % 2 + 1], ("a.py",))
            approvals = [_fixed(run_messages.Approve, run=key)] * 3
            found += [*approvals, _fixed(run_messages.Return, run=key, conflicts=conflicts)]
            found.append(_fixed(acts.ReturnWithComments, run=key, commit=state.commit))
        elif state.phase in _STAGE_AFTER:
            found.append(_fixed(_STAGE_AFTER[state.phase], run=key))
    return found


def daring(world: World) -> list[Asked]:
    """Return the next work of every task, even if it is refused: too early, beyond the attempts, or after the end."""
    found: list[Asked] = []
    for key, state in world.runs.items():
        for item in state.tasks.values():
            of_order = _of_order(key, item)
            if item.phase == "waiting":
                found.append(_fixed(task.Assign, run=key, task=item.id, attempt=item.attempts + 1))
            elif steps := _next_steps(item, key):
                found.append(steps[0])
            else:
                found += [_fixed(kind, **of_order) for kind in (task.ReleaseOrder, task.Judge)]
    return found


def _of_staff(world: World) -> list[Asked]:
    phases = {member: world.staff.get(member, employee.initial).phase for member in STAFF}
    return [_fixed(kind, employee=member) for member, phase in phases.items() for kind in _STAFF_AFTER[phase]]


def _of_money(world: World) -> list[Asked]:
    """Return commands about caps and budgets that progress, for each planned run."""
    if "day" not in world.organisation.caps:
        return [_fixed(organisation.SetCap, cap="day")]
    found: list[Asked] = []
    for key, state in world.runs.items():
        if state.phase != "planned":
            continue
        need = {day_key(AT): Amount(Decimal("0.60"), 600)}
        found += [_fixed(fund_messages.LendTranche, run=key, needs=need)] * 3
        little = Amount(Decimal("0.10"), 1)
        found.append(_fixed(fund_messages.RaiseBudget, run=key, task=None, amount=little))
        answers = (fund_messages.RaiseBudget, fund_messages.RefuseFunds)
        found += [_fixed(kind, run=key) for kind in (answers if state.asked else (fund_messages.RequestFunds,))]
        found += [_fixed(fund_messages.ReturnTranche, run=key)] if state.tranches else []
    return found


def _work_of(state: RunState) -> list[Asked]:
    assert state.submitted is not None
    run = state.submitted.run
    found = []
    for item in state.tasks.values():
        if any(state.tasks[other].phase != "verified" for other in item.after):
            continue
        if item.phase == "waiting" and attempts_used(item) >= state.submitted.attempts_max:
            found.append(_fixed(run_messages.End, run=run, outcome="rejected"))
        elif item.phase == "waiting":
            found.append(_fixed(task.Assign, run=run, task=item.id, attempt=item.attempts + 1))
        elif steps := _next_steps(item, run):
            found += steps * 3
            if item.phase in _MAY_BE_RELEASED:
                found.append(_fixed(task.ReleaseOrder, **_of_order(run, item)))
    return found or [_fixed(run_messages.Merge, run=run)]


def _of_order(run: UUID, item: task.TaskState) -> dict[str, Any]:
    return {"run": run, "task": item.id, "employee": item.employee, "order": item.order}


def _next_steps(item: task.TaskState, run: UUID) -> list[Asked]:
    """The commands that carry on with the present attempt of a task; none for a task that waits or is verified."""
    attempt, of_order = item.attempt, _of_order(run, item)
    if item.phase == "submitted":
        return [_fixed(task.Judge, **of_order)]
    if attempt is None or item.phase not in ("assigned", "calling", "answered"):
        return []
    steps = [_fixed(task.FinishCall, **of_order, index=index) for index in attempt.open]
    if attempt.calls < attempt.calls_max:
        steps.append(_fixed(task.StartCall, **of_order, index=attempt.calls))
    if attempt.calls and not attempt.open:
        steps += [*[_fixed(task.SubmitWork, **of_order)] * 5, _fixed(task.EndAttempt, **of_order)]
    return steps


def _fixed(kind: type[Command], **fields: Any) -> Asked:
    return KINDS[kind].map(lambda command: replace(command, **fields))


def _new(world: World) -> list[Asked]:
    """Return a command of each kind of which no event has happened yet."""
    seen = {event.type for event in world.log}
    return [asked for kind, asked in KINDS.items() if seen.isdisjoint(COMMANDS[kind].causes)]


def draw_command(data: st.DataObject, world: World) -> Command:
    """Draw one command.

    Of twelve, one is random, three are of a kind that has not happened yet, one is about the staff, one about money,
    one may be too early, and five continue work. A command of a new kind is the first of a few that is not refused.
    """
    dice = data.draw(st.integers(0, 11))
    if dice in NEW and (kinds := _new(world)):
        tried = st.one_of(*kinds)
        new: Command = data.draw(tried)
        for _ in range(TRIES_MAX):
            if not isinstance(world.decide(new), AuraError):
                break
            new = data.draw(tried)
        return new
    chosen = {7: _of_staff, 6: _of_money}.get(dice, daring if dice > 4 else fitting)
    fit = chosen(world)
    command: Command = data.draw(commands if dice > 7 or not fit else st.one_of(*fit))
    return command
