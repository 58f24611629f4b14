"""1,000 concurrent spenders under all six kinds of cap, through real gates of two processes on a real log.

Each spender is a task: it asks for the tranches that it needs, assigns itself, calls, pays and ends.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from domain import fund_messages as f
from domain import organisation as house
from domain import run_messages as m
from domain import task
from domain.caps import ACCOUNT, EMPLOYEE, Limit, account_cap, employee_cap, keys_for
from domain.errors import Contention, LimitReached, Unavailable
from domain.funds import lend_tranche
from domain.message import Command, Recorded
from domain.money import NOTHING, Amount
from domain.planning import task_id
from tests.integration.desks import FOLLOWS, WAIT_S, Desk, Desks, Order, at, of_type, stamp, submit
from tests.integration.spending import checked
from tests.unit.world import World

RUNS, TASKS, PROCESSES = 25, 40, 2
SEED = 13
CAP = Amount(Decimal("5.00"), 10**9)
ALLOWANCE = m.Allowance(amount=Amount(Decimal("0.25"), 10**6), minutes=60)
SMALL = Limit(usd=Decimal("0.01"))
SMALL_TASKS = ("T1", "T2", "T3", "T4")
"""Tasks whose own budget is below every reservation."""
DAY = Limit(usd=Decimal("4.00"))
OF_EMPLOYEE = Limit(usd=Decimal("0.50"))
OF_ACCOUNT = Limit(usd=Decimal("0.80"))
ACCOUNT_NAME = "key-a"
TRIES_MAX = 6
HAS_ACCOUNTS = "account" in task.Assign.__struct_fields__
KINDS = ("organisation", "run", "task", "employee", "day", *(("account",) if HAS_ACCOUNTS else ()))
pytestmark = [pytest.mark.slow, pytest.mark.ci, pytest.mark.parametrize("desks", [FOLLOWS], indirect=True)]


class Spender(NamedTuple):
    """One task, and what it wants to spend."""

    order: Order
    account: str
    amount: Amount
    share: int  # percent of the reservation that its call costs


def spenders(runs: Sequence[UUID], staff: Sequence[UUID]) -> list[Spender]:
    chance = random.Random(SEED)
    made: list[Spender] = []
    for run in runs:
        for number in range(TASKS):
            place = number % len(staff)
            order = Order(run, task_id(run, f"T{number + 1}"), staff[place], uuid4())
            amount = Amount(Decimal(chance.randrange(20, 51)) / 1000, chance.randrange(100, 400))
            made.append(
                Spender(order, ACCOUNT_NAME if HAS_ACCOUNTS and place == 1 else "", amount, chance.randrange(20, 101))
            )
    chance.shuffle(made)
    return made


async def insist(desk: Desk, command: Command, role: str = "manager") -> Sequence[Recorded]:
    """Send a command until it is decided, however many others write at the same time."""
    while True:
        try:
            return (await desk.send(role, command)).events  # type: ignore[arg-type]  # a role
        except (Contention, Unavailable):
            await asyncio.sleep(0.01)


async def spend(desk: Desk, spender: Spender, caps: Iterable[str]) -> str:
    """Spend once. Return "spent", or the kind of cap that refused it."""
    order, amount = spender.order, spender.amount
    for _ in range(TRIES_MAX):
        try:
            keys = keys_for(caps, order.employee, spender.account, at())
            needs = dict.fromkeys(keys, amount)
            await insist(desk, f.LendTranche(**stamp(), run=order.run, needs=needs))
            named = {"account": spender.account} if HAS_ACCOUNTS else {}
            await insist(desk, replace(order.assign(), reservation=amount, **named))
            break
        except LimitReached as error:
            kind = kind_of(error)
            if kind != "tranche":  # another task of the run was faster
                return kind
    else:
        return "tranche"
    await insist(desk, replace(order.start(), bound=amount))
    cost = Amount(amount.usd * spender.share / 100, amount.tokens * spender.share // 100)
    finish = order.finish()
    await insist(desk, replace(finish, snapshot=replace(finish.snapshot, cost=cost)))
    await insist(desk, order.end())
    return "spent"


def kind_of(error: LimitReached) -> str:
    """Return the kind of cap that refused, from its message."""
    text = error.message
    if "tranche of" in text:
        return "tranche"
    if text.startswith("The cap "):
        return text.split()[2].split(":")[0]
    return "task" if "budget of task" in text else "run"


async def admitted(desk: Desk, number: int) -> tuple[list[UUID], int]:
    """Return the runs that the organisation's budget permits, and the number that it refuses."""
    runs, refused = [uuid4() for _ in range(number)], 0
    for run in runs:
        caps = dict.fromkeys(SMALL_TASKS, SMALL)
        await insist(desk, replace(submit(run, tasks=TASKS), allowance=ALLOWANCE, task_caps=caps), "director")
    outcomes = await asyncio.gather(
        *(insist(desk, m.Admit(**stamp(), run=run)) for run in runs), return_exceptions=True
    )
    passed: list[UUID] = []
    for run, outcome in zip(runs, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            assert isinstance(outcome, LimitReached), outcome
            refused += 1
            continue
        passed.append(run)
        await insist(desk, m.Plan(**stamp(), run=run))
    return passed, refused


def spent_by(log: Sequence[Recorded]) -> dict[str, Amount]:
    """Return the charges of each employee and account and of all, from the receipts alone."""
    accounts: dict[UUID, str] = {}
    total: dict[str, Amount] = {}
    for recorded in log:
        event = recorded.event
        if isinstance(event, task.Assigned):
            accounts[event.order] = event.account
        if isinstance(event, task.CallFinished):
            keys = ["all", employee_cap(event.employee)]
            keys += [account_cap(accounts[event.order])] if accounts[event.order] else []
            for key in keys:
                total[key] = total.get(key, NOTHING) + event.charged
    return total


async def test_a_thousand_spenders_exceed_no_cap(desks: Desks, desk: Desk) -> None:
    office = [desk, *[await desks.open() for _ in range(PROCESSES - 1)]]
    await insist(desk, house.SetBudget(**stamp(), cap=CAP), "director")
    staff = [await desk.hire() for _ in range(5)]
    limits = {"day": DAY, employee_cap(staff[0]): OF_EMPLOYEE, account_cap(ACCOUNT_NAME): OF_ACCOUNT}
    for cap, limit in limits.items():
        await insist(desk, house.SetCap(**stamp(), cap=cap, limit=limit), "director")
    runs, refused_runs = await admitted(desk, RUNS)
    everybody = spenders(runs, staff)
    async with asyncio.timeout(WAIT_S):
        outcomes = await asyncio.gather(
            *(spend(office[index % PROCESSES], one, limits) for index, one in enumerate(everybody))
        )
    counts = Counter(outcomes)
    counts["organisation"] = refused_runs * TASKS
    for run in runs:
        await insist(desk, m.End(**stamp(), run=run, outcome="cancelled", reason="done"))
        await insist(desk, f.ReturnTranche(**stamp(), run=run))
        await insist(desk, house.SettleBudget(**stamp(), run=run, spent=(await desk.state(run)).spent))
    log = await desks.recorded(desk)
    world, spent = checked(log), spent_by(log)
    assert counts.total() == RUNS * TASKS == 1000
    print(f"\n1,000 spenders, {len(log)} events: {dict(sorted(counts.items()))}")
    print({key.split(":")[0]: str(amount.usd) for key, amount in spent.items() if key.startswith((ACCOUNT, "all"))})
    for kind in KINDS:
        assert counts[kind] > 0, f"the cap {kind} never refused, so it was not tried"
    assert counts["spent"] > 0
    assert spent[employee_cap(staff[0])].fits(OF_EMPLOYEE.room(NOTHING))
    assert spent.get(account_cap(ACCOUNT_NAME), NOTHING).fits(OF_ACCOUNT.room(NOTHING))
    assert spent["all"].fits(DAY.room(NOTHING))
    assert world.organisation.lent.total == NOTHING
    assert world.organisation.spent == spent["all"]
    assert all(book.lent.total == NOTHING for book in world.organisation.books.values())
    one_event_per_assignment(log)
    assert without_guards(log, runs) > DAY.room(NOTHING).usd


def one_event_per_assignment(log: Sequence[Recorded]) -> None:
    """Check that an assignment is one event, and that an admission is one batch of two events, beside warnings."""
    of_command: dict[UUID, list[Recorded]] = {}
    for recorded in log:
        of_command.setdefault(recorded.envelope.command, []).append(recorded)
    warnings = {"organisation.cap_warned", "run.budget_warned"}
    for assigned in of_type(log, "task.assigned"):
        types = [one.envelope.type for one in of_command[assigned.envelope.command]]
        assert [name for name in types if name not in warnings] == ["task.assigned"]
    for admitted_run in of_type(log, "run.admitted"):
        batch = of_command[admitted_run.envelope.command]
        types = [one.envelope.type for one in batch if one.envelope.type not in warnings]
        assert types == ["organisation.budget_reserved", "run.admitted"]
        assert [one.seq for one in batch] == list(range(batch[0].seq, batch[0].seq + len(batch))), "one batch"


def without_guards(log: Sequence[Recorded], runs: Sequence[UUID]) -> Decimal:
    """Return what the cap of the day would have lent if each run had decided on the state before all others.

    The control: without the guard on the organisation's scope, the cap is exceeded.
    """
    world = World()
    for recorded in log:
        if recorded.envelope.type == "organisation.tranche_lent":
            break
        if not recorded.void and recorded.envelope.entity != "refusal":
            world.apply(recorded.event)  # type: ignore[arg-type]  # nothing is erased
    before, now = world.organisation, log[-1].envelope.occurred_at
    need = {next(iter(keys_for(["day"], UUID(int=0), "", now))): Amount(Decimal("0.35"), 1)}
    for run in runs:
        command = f.LendTranche(id=uuid4(), at=now, run=run, needs=need)
        for event in lend_tranche(command, before, world.runs[run]):
            world.apply(event)
    assert EMPLOYEE not in need
    return max(book.committed.usd for book in world.organisation.books.values())
