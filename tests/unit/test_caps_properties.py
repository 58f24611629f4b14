"""For any interleaving of runs that share caps: no cap is exceeded, and nothing stays lent when all have ended."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain import employee, run, task
from domain import fund_messages as f
from domain import organisation as house
from domain import run_messages as m
from domain.caps import Limit, cap_of, day_key, employee_cap, keys_for
from domain.errors import AuraError
from domain.ladder import DAY_US
from domain.message import Command, Event
from domain.money import NOTHING, Amount
from domain.planning import task_id
from domain.run import RunState
from tests.unit.samples import AT, PROFILE, SNAPSHOT, uuid
from tests.unit.world import World

RUNS = tuple(uuid(number) for number in range(1, 5))
STAFF = tuple(uuid(number) for number in range(11, 14))
NAMES = ("T1", "T2", "T3")
LIMITS = {
    "day": Limit(usd=Decimal("1.30"), tokens=9000),
    employee_cap(STAFF[0]): Limit(usd=Decimal("0.80")),
    employee_cap(STAFF[1]): Limit(tokens=3000),
}
ORGANISATION = Amount(Decimal("3.00"), 30_000)
STEPS_MAX = 120
amounts = st.sampled_from([Amount(Decimal("0.10"), 400), Amount(Decimal("0.25"), 900), Amount(Decimal("0.40"), 100)])
steps = st.lists(
    st.tuples(
        st.sampled_from(["assign", "assign", "assign", "call", "receipt", "lose", "end", "back", "night"]),
        st.sampled_from(RUNS),
        st.sampled_from(NAMES),
        st.sampled_from(STAFF),
        amounts,
        st.integers(0, 100),
    ),
    max_size=STEPS_MAX,
)


class Ledger:
    """A world with caps. It sends commands as the manager does, and checks every cap after every event."""

    def __init__(self) -> None:
        self.world = World()
        self.at = AT
        self.charged: dict[str, Amount] = {}
        self.settled = NOTHING
        self._count = 0
        self.send(house.Found(id=self.id(), at=AT, name="A", cap=ORGANISATION))
        for cap, limit in LIMITS.items():
            self.send(house.SetCap(id=self.id(), at=AT, cap=cap, limit=limit))
        for who in STAFF:
            self.send(employee.Hire(id=self.id(), at=AT, employee=who, profile=replace(PROFILE, name=str(who)[-2:])))
        for key in RUNS:
            plan = tuple(m.TaskPlan(name=name, criteria=("A1",), scope=("a.py",)) for name in NAMES)
            allowance = m.Allowance(amount=Amount(Decimal("0.90"), 8000), minutes=9000)
            fields: dict[str, Any] = {"title": "t", "requirement": "a" * 64, "sealed": None, "attempts_max": 100}
            self.send(m.Submit(id=self.id(), at=AT, run=key, allowance=allowance, plan=plan, **fields))
            self.send(m.Admit(id=self.id(), at=AT, run=key))
            self.send(m.Plan(id=self.id(), at=AT, run=key))

    def id(self) -> UUID:
        self._count += 1
        return uuid(10_000 + self._count)

    def state(self, key: UUID) -> RunState:
        return self.world.runs.get(key, run.initial)

    def send(self, command: Command) -> tuple[Event, ...]:
        """Apply the events of a command, unless it is refused. Check all caps."""
        outcome = self.world.decide(command)
        if isinstance(outcome, AuraError):
            return ()
        for event in outcome:
            self._count_charge(event)
            self.world.apply(event)
        self.check()
        return outcome

    def _count_charge(self, event: Event) -> None:
        if isinstance(event, task.CallFinished | task.Released):
            attempt = self.state(event.run).tasks[event.task].orders[event.order]
            for key in attempt.draws:
                self.charged[key] = self.charged.get(key, NOTHING) + event.charged
            self.settled = self.settled + event.charged

    def check(self) -> None:
        office = self.world.organisation
        assert office.committed.fits(office.cap)
        for key, book in office.books.items():
            limit = office.caps[cap_of(key)]
            assert book.committed.fits(limit.room(NOTHING)), key
            for holder, amount in book.lent.items():
                assert self.state(holder).tranches[key].amount == amount, "both scopes hold the same tranche"

    def step(self, action: str, key: UUID, name: str, who: UUID, amount: Amount, number: int) -> None:
        part = self.state(key).tasks.get(task_id(key, name))
        if action == "night":
            self.at += DAY_US
        elif action == "back":
            self.send(f.ReturnTranche(id=self.id(), at=self.at, run=key))
        elif action == "end":
            if number < 10:
                self.send(m.End(id=self.id(), at=self.at, run=key, outcome="cancelled", reason="x"))
        elif action == "assign":
            self.assign(key, name, who, amount)
        elif part is not None and part.attempt is not None:
            ids: dict[str, Any] = {
                "run": key,
                "task": part.id,
                "employee": part.attempt.employee,
                "order": part.attempt.order,
            }
            if action == "call":
                bound = part.attempt.left
                self.send(task.StartCall(id=self.id(), at=self.at, **ids, index=0, bound=bound, claim=uuid(41)))
            elif action == "receipt":
                bound = part.attempt.committed
                cost = Amount(bound.usd * number / 100, bound.tokens * number // 100)
                self.send(task.FinishCall(id=self.id(), at=self.at, **ids, snapshot=replace(SNAPSHOT, cost=cost)))
                self.send(task.EndAttempt(id=self.id(), at=self.at, **ids, outcome="no_code"))
            else:
                self.send(task.ReleaseOrder(id=self.id(), at=self.at, **ids, reason="lease_ended"))

    def assign(self, key: UUID, name: str, who: UUID, amount: Amount) -> None:
        """Ask for tranches, then assign. Tranches of past days are returned first, as the deadline does."""
        state = self.state(key)
        past = tuple(held for held in state.tranches if held.startswith("day:") and held != day_key(self.at))
        if past:
            self.send(f.ReturnTranche(id=self.id(), at=self.at, run=key, keys=past))
        needs = dict.fromkeys(keys_for(LIMITS, who, "", self.at), amount)
        self.send(f.LendTranche(id=self.id(), at=self.at, run=key, needs=needs))
        part = state.tasks.get(task_id(key, name))
        if part is None:
            return
        ids: dict[str, Any] = {"run": key, "task": part.id, "employee": who, "order": self.id()}
        terms: dict[str, Any] = {
            "attempt": part.attempts + 1,
            "seed": 1,
            "reservation": amount,
            "due_at": self.at + 1_000_000,
        }
        events = self.send(task.Assign(id=self.id(), at=self.at, **ids, **terms))
        for event in events:
            if isinstance(event, task.Assigned):
                drawn = self.state(key).tasks[part.id].orders[event.order].draws
                assert set(keys_for(LIMITS, who, "", self.at)) <= set(drawn), "each cap that applies is drawn on"

    def close(self) -> None:
        """End all runs, let all leases lapse, and settle."""
        for key in RUNS:
            self.send(m.End(id=self.id(), at=self.at, run=key, outcome="cancelled", reason="x"))
            for part in list(self.state(key).tasks.in_progress()):
                assert part.attempt is not None
                ids: dict[str, Any] = {
                    "run": key,
                    "task": part.id,
                    "employee": part.attempt.employee,
                    "order": part.attempt.order,
                }
                self.send(task.ReleaseOrder(id=self.id(), at=self.at, **ids, reason="lease_ended"))
            self.send(f.ReturnTranche(id=self.id(), at=self.at, run=key))
            self.send(house.SettleBudget(id=self.id(), at=self.at, run=key, spent=self.state(key).spent))


def ids_of(key: UUID, part: task.TaskState) -> dict[str, Any]:
    """Return the ids of the present order of a task."""
    assert part.attempt is not None
    return {"run": key, "task": part.id, "employee": part.attempt.employee, "order": part.attempt.order}


@settings(max_examples=60, deadline=None)
@given(steps)
def test_no_cap_is_exceeded_and_nothing_leaks(walk: list[tuple[str, UUID, str, UUID, Amount, int]]) -> None:
    ledger = Ledger()
    for step in walk:
        ledger.step(*step)
    ledger.close()
    office = ledger.world.organisation
    assert office.lent.total == NOTHING
    assert office.spent == ledger.settled, "spent is the sum of the charges"
    for key, book in office.books.items():
        assert book.lent.total == NOTHING, key
        assert book.spent == ledger.charged.get(key, NOTHING), key
    assert all(state.tranches == {} for state in ledger.world.runs.values())


def test_the_walks_can_do_something() -> None:
    """The control: a walk assigns, draws on several caps, is refused by a cap, and charges."""
    ledger = Ledger()
    amount = Amount(Decimal("0.40"), 100)
    for key in RUNS:
        for name in NAMES:
            ledger.step("assign", key, name, STAFF[0], amount, 0)
            ledger.step("call", key, name, STAFF[0], amount, 0)
    assigned = [event for event in ledger.world.log if isinstance(event, task.Assigned)]
    assert len(assigned) == 2, "the cap of 0.80 USD permits two attempts of 0.40 USD"
    ledger.step("lose", RUNS[0], "T1", STAFF[0], amount, 0)
    assert ledger.settled == amount
    ledger.close()
    assert ledger.world.organisation.books[employee_cap(STAFF[0])].spent == ledger.settled == amount + amount
