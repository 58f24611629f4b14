"""Every denied cell of the capability matrix is tried at the gate: it is refused, and the refusal is on the log."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from uuid import uuid4

import msgspec
import pytest

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
from domain.caps import day_key, limit_of
from domain.errors import AuraError, Forbidden, NotFound
from domain.message import Command
from domain.money import Amount
from domain.registry import COMMANDS, EVENTS
from domain.routing.terms import RoutingSetting
from domain.tiers import NO_CEILINGS, Record
from domain.tree import Entry
from governance.authority import MATRIX, RESERVED, ROLES, Role, may_send, senders
from governance.hr_rules import default
from governance.refusal_limit import REFUSALS_MAX, WINDOW_S, RefusalLimit
from tests.integration.desks import DIGEST, Desk, Desks, Order, at, judgement, of_type, profile, stamp, submit

CAP = Amount(Decimal(1), 1000)


def order() -> Order:
    return Order(uuid4(), uuid4(), uuid4(), uuid4())


SAMPLES: Mapping[type[Command], Callable[[], Command]] = {
    organisation.Found: lambda: organisation.Found(**stamp(), name="A", cap=CAP),
    organisation.SetBudget: lambda: organisation.SetBudget(**stamp(), cap=CAP),
    organisation.SetCap: lambda: organisation.SetCap(**stamp(), cap="day", limit=limit_of(CAP)),
    fund_messages.LendTranche: lambda: fund_messages.LendTranche(**stamp(), run=uuid4(), needs={day_key(at()): CAP}),
    fund_messages.ReturnTranche: lambda: fund_messages.ReturnTranche(**stamp(), run=uuid4()),
    fund_messages.RaiseBudget: lambda: fund_messages.RaiseBudget(**stamp(), run=uuid4(), amount=CAP),
    fund_messages.RequestFunds: lambda: fund_messages.RequestFunds(**stamp(), run=uuid4(), reason="x"),
    fund_messages.RefuseFunds: lambda: fund_messages.RefuseFunds(**stamp(), run=uuid4(), reason="x"),
    organisation.Pause: lambda: organisation.Pause(**stamp(), reason="x"),
    organisation.Halt: lambda: organisation.Halt(**stamp(), reason="x"),
    organisation.Resume: lambda: organisation.Resume(**stamp(), reason="x"),
    organisation.AcknowledgeHalt: lambda: organisation.AcknowledgeHalt(**stamp(), halt=uuid4(), component="manager"),
    organisation.SettleBudget: lambda: organisation.SettleBudget(**stamp(), run=uuid4(), spent=CAP),
    organisation.AcceptLimit: lambda: organisation.AcceptLimit(**stamp(), machine="m", limit="tree memory", reason="x"),
    organisation.WithdrawLimit: lambda: organisation.WithdrawLimit(
        **stamp(), machine="m", limit="tree memory", reason="x"
    ),
    organisation.SetFallback: lambda: organisation.SetFallback(**stamp(), role="implementer", employees=(uuid4(),)),
    organisation.SetRouting: lambda: organisation.SetRouting(**stamp(), routing=RoutingSetting(strategy="turns")),
    organisation.BlacklistVersion: lambda: organisation.BlacklistVersion(
        **stamp(), employee_version=uuid4(), reason="x"
    ),
    organisation.ClearVersion: lambda: organisation.ClearVersion(**stamp(), employee_version=uuid4(), reason="x"),
    model_account.SetAccount: lambda: model_account.SetAccount(**stamp(), name="main", server="https://a.example"),
    model_account.RemoveAccount: lambda: model_account.RemoveAccount(**stamp(), name="main", reason="x"),
    model_account.ReopenAccount: lambda: model_account.ReopenAccount(**stamp(), name="main", reason="x"),
    employee.Hire: lambda: employee.Hire(**stamp(), employee=uuid4(), profile=profile()),
    employee.Strike: lambda: employee.Strike(**stamp(), employee=uuid4(), incident=uuid4(), reason="x"),
    employee.Suspend: lambda: employee.Suspend(**stamp(), employee=uuid4(), reason="x"),
    employee.Reinstate: lambda: employee.Reinstate(**stamp(), employee=uuid4(), reason="x"),
    employee.Dismiss: lambda: employee.Dismiss(**stamp(), employee=uuid4(), reason="x"),
    employee.SuspendVersion: lambda: employee.SuspendVersion(
        **stamp(), employee=uuid4(), employee_version=uuid4(), reason="x"
    ),
    employee.EndTerm: lambda: employee.EndTerm(**stamp(), employee=uuid4()),
    employee.Rehire: lambda: employee.Rehire(**stamp(), employee=uuid4(), reason="x"),
    employee.Appeal: lambda: employee.Appeal(**stamp(), employee=uuid4(), incident=uuid4(), grounds="x", filings_max=1),
    employee.DecideAppeal: lambda: employee.DecideAppeal(
        **stamp(), employee=uuid4(), incident=uuid4(), granted=True, reason="x"
    ),
    employee.Assess: lambda: employee.Assess(
        **stamp(), employee=uuid4(), tier="probation", record=Record(), rules=default().of_tiers
    ),
    employee.LoseTrust: lambda: employee.LoseTrust(
        **stamp(), employee=uuid4(), tier="mid", record=Record(), rules=default().of_tiers
    ),
    employee.Place: lambda: employee.Place(
        **stamp(), employee=uuid4(), tier="mid", ceilings=NO_CEILINGS, rules_version="hr-x", reason="x"
    ),
    employee.Fine: lambda: employee.Fine(
        **stamp(), employee=uuid4(), incident=uuid4(), kind="integrity", reason="x", rules=default().of_fines
    ),
    employee.RecordReviewerCheck: lambda: employee.RecordReviewerCheck(
        **stamp(), employee=uuid4(), employee_version=uuid4(), planted=1, caught=1, clean=1, objected=0
    ),
    employee.Rename: lambda: employee.Rename(**stamp(), employee=uuid4(), name="x"),
    incident.Raise: lambda: incident.Raise(**stamp(), incident=uuid4(), kind="integrity", detail="x"),
    incident.Acknowledge: lambda: incident.Acknowledge(**stamp(), incident=uuid4(), reason="x"),
    incident.Work: lambda: incident.Work(**stamp(), incident=uuid4(), reason="x"),
    incident.Close: lambda: incident.Close(**stamp(), incident=uuid4(), reason="x"),
    incident.Lapse: lambda: incident.Lapse(**stamp(), incident=uuid4(), reason="x"),
    user.Create: lambda: user.Create(**stamp(), user=user.user_id("a"), name="a", roles=("viewer",)),
    user.GrantRole: lambda: user.GrantRole(**stamp(), user=uuid4(), role="viewer", reason="x"),
    user.RevokeRole: lambda: user.RevokeRole(**stamp(), user=uuid4(), role="viewer", reason="x"),
    user.Disable: lambda: user.Disable(**stamp(), user=uuid4(), reason="x"),
    user.Enable: lambda: user.Enable(**stamp(), user=uuid4(), reason="x"),
    chat.SendMessage: lambda: chat.SendMessage(
        **stamp(), message=uuid4(), text="pause: x", act="pause", command=uuid4()
    ),
    user.Link: lambda: user.Link(**stamp(), user=uuid4(), issuer="https://id.example.org", subject="x"),
    user.Unlink: lambda: user.Unlink(**stamp(), user=uuid4(), issuer="https://id.example.org", subject="x", reason="x"),
    run_messages.Submit: lambda: submit(uuid4()),
    run_messages.Admit: lambda: run_messages.Admit(**stamp(), run=uuid4()),
    run_messages.Plan: lambda: run_messages.Plan(**stamp(), run=uuid4()),
    run_messages.Merge: lambda: run_messages.Merge(**stamp(), run=uuid4(), tree=DIGEST),
    run_messages.JudgeMerged: lambda: run_messages.JudgeMerged(**stamp(), run=uuid4(), judgement=judgement()),
    run_messages.StartDelivery: lambda: run_messages.StartDelivery(**stamp(), run=uuid4()),
    run_messages.FinishDelivery: lambda: run_messages.FinishDelivery(
        **stamp(), run=uuid4(), commit="c", folder="f", branch="b"
    ),
    run_messages.Return: lambda: run_messages.Return(
        **stamp(), run=uuid4(), commit="c", base_commit="b", base_tree=DIGEST, reason="x"
    ),
    run_messages.Approve: lambda: run_messages.Approve(**stamp(), run=uuid4()),
    run_messages.FinishRelease: lambda: run_messages.FinishRelease(**stamp(), run=uuid4(), commit="c", ref="r"),
    acts.Override: lambda: acts.Override(
        **msgspec.structs.asdict(submit(uuid4())),
        of=uuid4(),
        files={"a.py": Entry(kind="file", digest=DIGEST)},
        tree=DIGEST,
        released=(acts.ReleasedWork(task=uuid4(), name="T1", attempt=1, employee=uuid4(), verdict="none"),),
        reason="x",
    ),
    acts.Comment: lambda: acts.Comment(**stamp(), run=uuid4(), comment=acts.TaskComment(text="x")),
    acts.ReturnWithComments: lambda: acts.ReturnWithComments(
        **stamp(), run=uuid4(), commit="c", comments=(acts.TaskComment(text="x"),)
    ),
    run_messages.End: lambda: run_messages.End(**stamp(), run=uuid4(), outcome="cancelled", reason="x"),
    task.Assign: lambda: order().assign(),
    task.ReleaseOrder: lambda: task.ReleaseOrder(**stamp(), **order()._asdict(), reason="x"),
    task.StartCall: lambda: order().start(),
    task.FinishCall: lambda: order().finish(),
    task.EndAttempt: lambda: order().end(),
    task.SubmitWork: lambda: order().submit(),
    task.Judge: lambda: order().judge(),
}
"""One command of each kind, about entities that do not exist."""


DENIED = tuple(
    (role, event)
    for role in ROLES
    for event in sorted(EVENTS)
    if event not in MATRIX[role] | {refusal.CommandRefused.type}
)
"""Every cell that the matrix denies. Refusals are omitted, because the gate itself causes them."""


def commands_of(event_type: str) -> list[type[Command]]:
    """Return every command that may lead to an event of this type."""
    return [kind for kind, spec in COMMANDS.items() if event_type in spec.causes]


def attempts(role: Role) -> list[Command]:
    """Yield, for each cell that is denied to the role, each command that would cause its event."""
    return [SAMPLES[kind]() for denied, event in DENIED if denied == role for kind in commands_of(event)]


def refused(log: Sequence[object]) -> list[refusal.CommandRefused]:
    return [event for event in log if isinstance(event, refusal.CommandRefused)]


def test_there_is_a_sample_of_every_command_and_a_command_for_every_cell() -> None:
    assert SAMPLES.keys() == COMMANDS.keys()
    assert all(commands_of(event) for _, event in DENIED)
    assert all(senders(kind) for kind in COMMANDS)
    assert {role for role, _ in DENIED} == set(ROLES)


@pytest.fixture
def patient(desk: Desk) -> Desk:
    """Return a desk whose clock jumps after each refusal, so that no refusal is held back by the rate limit."""
    now = [0.0]

    def clock() -> float:
        now[0] += WINDOW_S
        return now[0]

    desk.office.limit = RefusalLimit(clock)
    return desk


@pytest.mark.parametrize("role", ROLES)
async def test_every_denied_cell_is_refused_with_an_event(desks: Desks, patient: Desk, role: Role) -> None:
    before = len(await desks.recorded(patient))
    tried = attempts(role)
    for command in tried:
        with pytest.raises(Forbidden, match=f"A {role} may not cause"):
            await patient.send(role, command)
    log = (await desks.recorded(patient))[before:]
    assert {event.envelope.type for event in log} == {"refusal.refused"}
    assert [event.envelope.command for event in log] == [command.id for command in tried]
    found = refused([event.event for event in log])
    assert [(event.command, event.code, event.count) for event in found] == [
        (type(command).__name__, "forbidden", 1) for command in tried
    ]
    principal = patient.gate(role).principal.id
    assert {(event.envelope.principal, event.envelope.role) for event in log} == {(principal, role)}
    assert {event.principal for event in found} == {principal}


@pytest.mark.parametrize("role", [role for role in ROLES if role not in ("recorder", "employee")])
async def test_what_a_role_may_do_is_not_forbidden(desks: Desks, patient: Desk, role: Role) -> None:
    """The same commands, from those who may: they are decided, and refused by nothing but the state."""
    mine = [kind for kind in COMMANDS if may_send(role, kind)]
    assert mine
    for kind in mine:
        try:
            outcome = await patient.send(role, SAMPLES[kind]())
        except Forbidden:
            pytest.fail(f"{role} may not send {kind.__name__}")
        except AuraError:
            continue
        assert {event.envelope.type for event in outcome.events} <= set(COMMANDS[kind].causes)
    codes = Counter(event.code for event in refused([event.event for event in await desks.recorded(patient)]))
    assert "forbidden" not in codes


BY_RULE: Mapping[Role, type[Command]] = {"hr": employee.Strike, "accountant": employee.Assess}
"""Staff that may cause events of the Director by a rule, with a command of its own."""


@pytest.mark.parametrize("kind", RESERVED)
async def test_staff_may_not_decide_what_the_director_decides(desk: Desk, kind: type[Command]) -> None:
    """HR and the Accountant may cause these events by a rule, with other commands."""
    staff = [role for role in BY_RULE if set(COMMANDS[kind].causes) <= MATRIX[role]]
    assert staff
    assert senders(kind) == ("director",)
    for role in staff:
        with pytest.raises(Forbidden, match=f"{role} may not cause .* with the command {kind.__name__}"):
            await desk.send(role, SAMPLES[kind]())
        with pytest.raises(NotFound):
            await desk.send(role, SAMPLES[BY_RULE[role]]())
    with pytest.raises(NotFound):
        await desk.send("director", SAMPLES[kind]())


async def test_refusals_beyond_the_rate_are_counted_to_the_last_one(desks: Desks, desk: Desk) -> None:
    """Every cell again, at once: some become events of their own, the others a summary, and together they are all."""
    tried: dict[Role, int] = {}
    for role in ROLES:
        commands = attempts(role)
        tried[role] = len(commands)
        for command in commands:
            with pytest.raises(Forbidden):
                await desk.send(role, command)
    await desk.gate("manager").flush_refusals(at=1, everything=True)
    found = refused([event.event for event in of_type(await desks.recorded(desk), "refusal.refused")])
    for role, count in tried.items():
        mine = [event.count for event in found if event.principal == desk.gate(role).principal.id]
        assert sum(mine) == count
        assert len(mine) <= REFUSALS_MAX + 1
    assert max(tried.values()) > REFUSALS_MAX
    assert {event.code for event in found} == {"forbidden", "rate_limited"}
