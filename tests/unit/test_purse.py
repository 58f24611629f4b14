"""The manager and caps: it asks for a tranche before it assigns, waits when a cap is used up, and asks for money."""

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from agents.manager.deadlines import Deadlines
from agents.manager.purse import past_days
from agents.manager.reactor import Manager
from agents.manager.wait_reasons import WaitReasons
from bus.projection import fold
from bus.projection_rows import Rows
from domain import employee, run_messages
from domain import fund_messages as f
from domain import organisation as house
from domain.caps import Limit, ReturnedPart, employee_cap
from domain.ladder import DAY_US
from domain.message import Command, Event
from domain.money import NOTHING, Amount
from observability.process_registry import Serving
from projections.manager import ManagerProjection, TrancheRow
from projections.openrun import state_of
from tests.unit import runs
from tests.unit.given import decide
from tests.unit.samples import (
    AT,
    COMMAND,
    DAY_KEY,
    EMPLOYEE,
    FIRST,
    PLANNED,
    PROFILE,
    RUN,
    happened,
    uuid,
)
from tests.unit.test_projections import recorded

HIRED = employee.Hired(employee=EMPLOYEE, profile=PROFILE)
CALL = Amount(PROFILE.call_usd_max or Decimal(0), PROFILE.call_tokens_max)
ENOUGH = house.CapSet(cap="day", limit=Limit(usd=Decimal(100)))
NOT_ENOUGH = house.CapSet(cap=employee_cap(EMPLOYEE), limit=Limit(usd=Decimal("0.000001")))
OTHER_RUN = uuid(555)
ALL_SERVE = Serving(frozenset({"recorder", "manager", "verifier", "employees"}), all_here=True)


def after(*events: Event) -> tuple[Rows, Sequence[Command]]:
    """Return the manager's rows after the events, and the commands that follow from the last one."""
    rows, manager = Rows(ManagerProjection().tables), Manager()
    commands: Sequence[Command] = ()
    for seq, event in enumerate(events, 1):
        commands = fold(ManagerProjection(), manager, recorded(seq, event), rows, AT)
    return rows, commands


def kinds(commands: Sequence[Command]) -> list[str]:
    return [type(command).__name__ for command in commands]


BEGUN = PLANNED[:-1]
PLAN = PLANNED[-1]


def test_without_a_cap_a_task_is_assigned_at_once() -> None:
    assert kinds(after(*BEGUN, HIRED, PLAN)[1]) == ["Assign"]


def test_with_a_cap_the_run_gets_a_tranche_first_and_then_the_task() -> None:
    log = (*BEGUN, ENOUGH, HIRED, PLAN)
    rows, (lend,) = after(*log)
    assert isinstance(lend, f.LendTranche)
    assert lend.needs == {DAY_KEY: CALL}
    lent = decide(lend, *log)
    rows, commands = after(*log, *lent)
    assert kinds(commands) == ["Assign"]
    assert [(row.scope, row.key) for row in rows.all(TrancheRow)] == [(RUN, DAY_KEY)]
    assert decide(commands[0], *log, *lent)[0].type == "task.assigned"


def test_a_used_up_cap_assigns_nothing_ends_nothing_and_says_so() -> None:
    rows, commands = after(*BEGUN, NOT_ENOUGH, HIRED, PLAN)
    assert commands == []
    waiting = WaitReasons(rows, ALL_SERVE, AT).of(RUN, state_of(rows, RUN))
    assert waiting is not None
    assert waiting.code == "cap"
    assert str(EMPLOYEE) in waiting.message
    other = employee.Hired(employee=uuid(44), profile=replace(PROFILE, name="ben"))
    assert kinds(after(*BEGUN, NOT_ENOUGH, HIRED, other, PLAN)[1]) == ["Assign"], "control: nobody limits ben"
    raised = house.CapSet(cap=NOT_ENOUGH.cap, limit=Limit(usd=CALL.usd))
    assert kinds(after(*BEGUN, NOT_ENOUGH, HIRED, PLAN, raised)[1]) == ["LendTranche"]


def test_an_unused_tranche_of_another_run_is_taken_back_when_it_is_needed() -> None:
    tight = house.CapSet(cap="day", limit=Limit(usd=CALL.usd))
    other = tuple(replace(event, run=OTHER_RUN) for event in happened("run.submitted", "run.admitted"))
    paused = replace(happened("incident.raised")[0], run=OTHER_RUN, severity="severe", follows="pause_run")
    lent = (
        house.TrancheLent(for_run=OTHER_RUN, amounts={DAY_KEY: CALL}),
        f.TrancheReceived(run=OTHER_RUN, amounts={DAY_KEY: CALL}),
    )
    _, commands = after(*BEGUN, tight, *other, paused, *lent, HIRED, PLAN)
    back_asked = [(one.run, one.keys) for one in commands if isinstance(one, f.ReturnTranche)]
    assert back_asked == [(OTHER_RUN, (DAY_KEY,))]
    parts = {DAY_KEY: ReturnedPart(spent=NOTHING)}
    back = (f.TrancheReturned(run=OTHER_RUN, parts=parts), house.TrancheReturned(for_run=OTHER_RUN, parts=parts))
    assert kinds(after(*BEGUN, tight, *other, paused, *lent, HIRED, PLAN, *back)[1]) == ["LendTranche"]


def test_a_settled_run_gives_its_tranches_back_before_its_budget() -> None:
    lent = (
        house.TrancheLent(for_run=RUN, amounts={DAY_KEY: CALL}),
        f.TrancheReceived(run=RUN, amounts={DAY_KEY: CALL}),
    )
    ended = run_messages.Ended(run=RUN, outcome="cancelled", reason="x")
    log = (*BEGUN, ENOUGH, PLAN, *lent, ended)
    _, commands = after(*log)
    assert kinds(commands)[-2:] == ["ReturnTranche", "SettleBudget"]
    back = decide(commands[-2], *log)
    assert after(*log, *back)[0].all(TrancheRow) == []
    assert kinds(after(*BEGUN, PLAN, ended)[1]) == ["SettleBudget"], "control: no tranche"


def test_a_change_of_a_cap_takes_unused_tranches_back() -> None:
    lent = (
        house.TrancheLent(for_run=RUN, amounts={DAY_KEY: CALL}),
        f.TrancheReceived(run=RUN, amounts={DAY_KEY: CALL}),
    )
    _, commands = after(*BEGUN, ENOUGH, PLAN, *lent, house.CapSet(cap="day", limit=Limit(usd=Decimal(1))))
    assert kinds(commands) == ["ReturnTranche"]
    other = house.CapSet(cap="account:key", limit=Limit(usd=Decimal(1)))
    assert after(*BEGUN, ENOUGH, PLAN, *lent, other)[1] == [], "control: another cap"


async def test_the_end_of_a_day_is_a_deadline() -> None:
    lent = (
        house.TrancheLent(for_run=RUN, amounts={DAY_KEY: CALL}),
        f.TrancheReceived(run=RUN, amounts={DAY_KEY: CALL}),
    )
    rows, _ = after(*BEGUN, ENOUGH, PLAN, *lent)
    assert list(past_days(rows, AT)) == []
    assert list(past_days(rows, AT + DAY_US)) == [(RUN, DAY_KEY)]
    duty = Deadlines(Manager(), _none, _none)  # type: ignore[arg-type]  # neither is used
    due = [one for one in duty._due(rows, AT + DAY_US) if isinstance(one, f.ReturnTranche)]
    assert [(one.run, one.keys) for one in due] == [(RUN, (DAY_KEY,))]
    again = Deadlines(Manager(), _none, _none)._due(rows, AT + DAY_US)  # type: ignore[arg-type]  # neither is used
    assert [one.id for one in again if isinstance(one, f.ReturnTranche)] == [due[0].id]


async def _none(*_: object) -> None:
    pass


def small(on_budget: str) -> tuple[Event, ...]:
    """Return a planned run whose budget is smaller than a call, except the event of the plan."""
    allowance = run_messages.Allowance(amount=Amount(CALL.usd / 2, CALL.tokens * 9), minutes=20)
    submitted = decide(replace(runs.SUBMIT, allowance=allowance, on_budget=on_budget, task_caps={}))
    return (*happened("organisation.founded"), *submitted, *BEGUN[2:], HIRED)


def test_a_run_without_money_ends_or_asks_as_its_requirement_says() -> None:
    (ended,) = after(*small("end"), PLAN)[1]
    assert isinstance(ended, run_messages.End)
    (asked,) = after(*small("ask"), PLAN)[1]
    assert isinstance(asked, f.RequestFunds)
    assert "not enough for one more call" in asked.reason


def test_a_run_that_asks_waits_and_goes_on_after_the_answer() -> None:
    log = (*small("ask"), PLAN, f.FundsRequested(run=RUN, reason="too little", at=AT, until=AT + DAY_US))
    rows, commands = after(*log)
    assert commands == []
    waiting = WaitReasons(rows, ALL_SERVE, AT).of(RUN, state_of(rows, RUN))
    assert waiting is not None
    assert waiting.code == "asks_for_budget"
    assert waiting.needs_somebody
    raised = decide(f.RaiseBudget(id=COMMAND, at=AT, run=RUN, amount=CALL), *log)
    assert kinds(after(*log, *raised)[1]) == ["Assign"]
    (end,) = after(*log, f.FundsRefused(run=RUN, reason="it goes nowhere"))[1]
    assert isinstance(end, run_messages.End)
    assert end.reason == "The Director refused a larger budget: it goes nowhere"


def test_the_wait_for_an_answer_ends_and_the_minutes_do_not_end_it() -> None:
    asked = f.FundsRequested(run=RUN, reason="too little", at=AT, until=AT + DAY_US)
    rows, _ = after(*small("ask"), PLAN, asked)
    duty = Deadlines(Manager(), _none, _none)  # type: ignore[arg-type]  # neither is used
    assert duty._due(rows, AT + DAY_US - 1) == []
    (end,) = duty._due(rows, AT + DAY_US)
    assert isinstance(end, run_messages.End)
    assert "nobody answered" in end.reason


def test_a_task_whose_own_budget_is_used_up_asks_for_itself() -> None:
    caps = {"T1": Limit(usd=CALL.usd / 2)}
    submitted = decide(replace(runs.SUBMIT, task_caps=caps))
    (asked,) = after(*happened("organisation.founded"), *submitted, *BEGUN[2:], HIRED, PLAN)[1]
    assert isinstance(asked, f.RequestFunds)
    assert asked.task == FIRST
    assert "budget of task T1" in asked.reason
    enough = decide(replace(runs.SUBMIT, task_caps={"T1": Limit(usd=CALL.usd)}))
    assert kinds(after(*happened("organisation.founded"), *enough, *BEGUN[2:], HIRED, PLAN)[1]) == ["Assign"]
