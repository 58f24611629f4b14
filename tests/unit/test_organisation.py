"""The organisation: founded once, stopped and resumed with a reason, and never reserving more than its budget."""

from decimal import Decimal
from uuid import UUID

import pytest
from msgspec.structs import replace

from director.services.budget import BudgetView
from director.terminal.budget_text import budget_view_text
from domain.errors import Conflict, Invalid, LimitReached, Refused
from domain.message import ORGANISATION
from domain.money import NOTHING, TOKENS_MAX, USD_MAX, Amount, left_text
from domain.organisation import (
    FALLBACK_EMPLOYEES_MAX,
    BudgetReserved,
    BudgetSet,
    BudgetSettled,
    FallbackSet,
    Found,
    Founded,
    Halt,
    Halted,
    OrganisationState,
    Pause,
    Paused,
    Resume,
    Resumed,
    RoutingSet,
    SetBudget,
    SetFallback,
    SetRouting,
    SettleBudget,
    WorkRole,
    evolve,
    lend,
)
from domain.routing.terms import RoutingSetting
from tests.unit.given import fold, given
from tests.unit.samples import AT, BUDGET, CAP, COMMAND, COST, EMPLOYEE, OTHER_EMPLOYEE, RUN, happened, uuid

FOUNDED = happened("organisation.founded")
LENT = happened("organisation.founded", "organisation.budget_reserved")
BAD_AMOUNTS = [
    Amount(Decimal(-1), 0),
    Amount(Decimal(0), -1),
    Amount(Decimal("NaN"), 0),
    Amount(Decimal("Infinity"), 0),
    Amount(USD_MAX + 1, 0),
    Amount(Decimal("1E-13"), 0),
    Amount(Decimal(0), TOKENS_MAX + 1),
]
GOOD_AMOUNTS = [NOTHING, CAP, Amount(USD_MAX, TOKENS_MAX), Amount(Decimal("1E-12"), 1)]


def test_it_is_founded_once() -> None:
    command = Found(id=COMMAND, at=AT, name="Aura", cap=CAP)
    given().when(command).then(Founded(name="Aura", cap=CAP))
    given(*FOUNDED).when(command).refused(Conflict, "already exists")


@pytest.mark.parametrize("amount", BAD_AMOUNTS)
def test_an_amount_that_cannot_be_counted_is_no_budget(amount: Amount) -> None:
    given().when(Found(id=COMMAND, at=AT, name="Aura", cap=amount)).refused(Invalid, "budget is")
    given(*FOUNDED).when(SetBudget(id=COMMAND, at=AT, cap=amount)).refused(Invalid, "budget is")
    given(*LENT).when(SettleBudget(id=COMMAND, at=AT, run=RUN, spent=amount)).refused(Invalid, "The run's spending is")


@pytest.mark.parametrize("amount", GOOD_AMOUNTS)
def test_an_amount_that_can_be_counted_is_a_budget(amount: Amount) -> None:
    given().when(Found(id=COMMAND, at=AT, name="Aura", cap=amount)).then(Founded(name="Aura", cap=amount))
    settle = SettleBudget(id=COMMAND, at=AT, run=RUN, spent=amount)
    given(*LENT).when(settle).then(BudgetSettled(for_run=RUN, spent=amount))


def test_its_budget_changes_when_it_differs() -> None:
    given(*FOUNDED).when(SetBudget(id=COMMAND, at=AT, cap=BUDGET)).then(BudgetSet(cap=BUDGET))
    given(*FOUNDED).when(SetBudget(id=COMMAND, at=AT, cap=CAP)).then()
    given().when(SetBudget(id=COMMAND, at=AT, cap=CAP)).refused(Refused, "no organisation yet")


def test_it_pauses_once() -> None:
    command = Pause(id=COMMAND, at=AT, reason=" lunch ")
    given(*FOUNDED).when(command).then(Paused(reason="lunch"))
    given(*FOUNDED, Paused(reason="x")).when(command).refused(Refused, "already paused")
    given().when(command).refused(Refused, "no organisation yet")


def test_a_halt_goes_further_than_a_pause() -> None:
    halt, pause = Halt(id=COMMAND, at=AT, reason="fire"), Pause(id=COMMAND, at=AT, reason="lunch")
    given(*FOUNDED).when(halt).then(Halted(reason="fire"))
    given(*FOUNDED, Paused(reason="x")).when(halt).then(Halted(reason="fire"))
    given(*FOUNDED, Halted(reason="x")).when(halt).refused(Refused, "already halted")
    given(*FOUNDED, Halted(reason="x")).when(pause).refused(Refused, "already halted")


@pytest.mark.parametrize("stop", happened("organisation.paused", "organisation.halted"))
def test_it_resumes_what_is_stopped(stop: Paused | Halted) -> None:
    command = Resume(id=COMMAND, at=AT, reason="all well")
    given(*FOUNDED, stop).when(command).then(Resumed(reason="all well"))
    given(*FOUNDED).when(command).refused(Refused, "is running")
    given(*FOUNDED, stop, Resumed(reason="x")).when(command).refused(Refused, "is running")


@pytest.mark.parametrize("kind", [Pause, Halt])
def test_a_stop_needs_a_reason(kind: type[Pause | Halt]) -> None:
    given(*FOUNDED).when(kind(id=COMMAND, at=AT, reason="  ")).refused(Invalid, "reason is needed")
    given(*FOUNDED, Paused(reason="x")).when(Resume(id=COMMAND, at=AT, reason="")).refused(Invalid, "reason is needed")


def test_a_run_is_settled_once() -> None:
    command = SettleBudget(id=COMMAND, at=AT, run=RUN, spent=COST)
    settled = BudgetSettled(for_run=RUN, spent=COST)
    given(*LENT).when(command).then(settled)
    given(*LENT, settled).when(command).then()
    given(*FOUNDED).when(command).then()


def test_it_lends_what_is_left_and_no_more() -> None:
    state = OrganisationState(phase="running", cap=CAP)
    half = Amount(Decimal("5.00"), 50_000)
    once = evolve(state, lend(state, RUN, half))
    twice = evolve(once, lend(once, uuid(50), half))
    assert twice.committed == CAP
    for more in (Amount(Decimal("0.01"), 0), Amount(Decimal(0), 1)):
        with pytest.raises(LimitReached, match=r"has 0\.00 USD and 0 tokens left"):
            lend(twice, uuid(51), more)
    assert lend(twice, uuid(51), NOTHING) == BudgetReserved(for_run=uuid(51), amount=NOTHING)


@pytest.mark.parametrize(
    ("cap", "text"),
    [
        (Amount(Decimal(8), 5), "8 USD and 5 tokens left"),
        (Amount(Decimal(0), 0), "0 USD and 0 tokens left"),
        (Amount(Decimal("-3.00"), 7), "7 tokens left (spent and reserved amounts exceed the limit by 3.00 USD)"),
        (Amount(Decimal(3), -7), "3 USD left (spent and reserved amounts exceed the limit by 7 tokens)"),
        (
            Amount(Decimal("-3.00"), -7),
            "nothing left (spent and reserved amounts exceed the limit by 3.00 USD and 7 tokens)",
        ),
    ],
)
def test_what_is_left_is_said_without_negative_amounts(cap: Amount, text: str) -> None:
    assert left_text(cap) == text


def test_a_lowered_limit_lends_nothing_and_says_by_how_much_it_is_exceeded() -> None:
    state = evolve(fold("organisation", *LENT), BudgetSet(cap=NOTHING))
    over = state.committed
    with pytest.raises(LimitReached) as refused:
        lend(state, uuid(51), Amount(Decimal("1.00"), 0))
    assert refused.value.message == (
        f"The organisation has nothing left (spent and reserved amounts exceed the limit by {over.usd} USD and "
        f"{over.tokens} tokens), but this run needs 1.00 USD and 0 tokens."
    )
    view = BudgetView(limit=state.cap, spent=NOTHING, reserved=over, left=state.cap - over)
    assert budget_view_text(view).endswith("New runs wait.")
    assert not budget_view_text(replace(view, left=over)).endswith("New runs wait."), "the control"


def test_what_a_run_did_not_spend_can_be_lent_again() -> None:
    state = fold("organisation", *LENT, BudgetSettled(for_run=RUN, spent=COST))
    assert state.committed == state.spent == COST
    assert lend(state, RUN, CAP - COST).amount == CAP - COST


def test_nothing_is_lent_before_it_is_founded() -> None:
    with pytest.raises(Refused, match="no organisation yet"):
        lend(fold("organisation"), RUN, NOTHING)
    assert lend(fold("organisation", *FOUNDED), RUN, BUDGET).amount == BUDGET


def test_there_is_one() -> None:
    assert {event.entity() for event in LENT} == {("organisation", ORGANISATION)}


def set_fallback(*employees: UUID, role: WorkRole = "implementer") -> SetFallback:
    return SetFallback(id=COMMAND, at=AT, role=role, employees=employees)


def test_a_chain_of_employees_is_set_changed_and_removed() -> None:
    chained = FallbackSet(role="implementer", employees=(EMPLOYEE, OTHER_EMPLOYEE))
    given(*FOUNDED).when(set_fallback(EMPLOYEE, OTHER_EMPLOYEE)).then(chained)
    given(*FOUNDED, chained).when(set_fallback(EMPLOYEE, OTHER_EMPLOYEE)).then()
    other_order = FallbackSet(role="implementer", employees=(OTHER_EMPLOYEE, EMPLOYEE))
    given(*FOUNDED, chained).when(set_fallback(OTHER_EMPLOYEE, EMPLOYEE)).then(other_order)
    removed = FallbackSet(role="implementer", employees=())
    given(*FOUNDED, chained).when(set_fallback()).then(removed)
    given(*FOUNDED).when(set_fallback()).then()
    given(*FOUNDED, chained, removed).when(set_fallback()).then()


def test_each_role_has_its_own_chain() -> None:
    reviewers = FallbackSet(role="reviewer", employees=(OTHER_EMPLOYEE,))
    chained = FallbackSet(role="implementer", employees=(EMPLOYEE,))
    given(*FOUNDED, chained).when(set_fallback(OTHER_EMPLOYEE, role="reviewer")).then(reviewers)
    state = fold("organisation", *FOUNDED, chained, reviewers)
    assert state.fallback == {"implementer": (EMPLOYEE,), "reviewer": (OTHER_EMPLOYEE,)}
    assert evolve(state, FallbackSet(role="reviewer", employees=())).fallback == {"implementer": (EMPLOYEE,)}


def test_a_chain_names_each_employee_once_and_not_too_many() -> None:
    given(*FOUNDED).when(set_fallback(EMPLOYEE, EMPLOYEE)).refused(Invalid, "names an employee twice")
    most = tuple(map(uuid, range(1, FALLBACK_EMPLOYEES_MAX + 1)))
    given(*FOUNDED).when(set_fallback(*most)).then(FallbackSet(role="implementer", employees=most))
    given(*FOUNDED).when(set_fallback(*most, uuid(99))).refused(Invalid, "The limit is 16")
    given().when(set_fallback(EMPLOYEE)).refused(Refused, "no organisation yet")


def test_a_pause_does_not_prevent_another_chain() -> None:
    given(*FOUNDED, Paused(reason="x")).when(set_fallback(EMPLOYEE)).then(
        FallbackSet(role="implementer", employees=(EMPLOYEE,))
    )


def set_routing(strategy: str, value_usd: Decimal | None = None) -> SetRouting:
    return SetRouting(id=COMMAND, at=AT, routing=RoutingSetting(strategy=strategy, value_usd=value_usd))


def test_routing_is_set_and_changed() -> None:
    value = Decimal("0.40")
    first = RoutingSet(strategy="cascade", value_usd=value)
    assert OrganisationState().routing is None
    given(*FOUNDED).when(set_routing("cascade", value)).then(first)
    given(*FOUNDED, first).when(set_routing("cascade", value)).then()
    given(*FOUNDED, first).when(set_routing("turns")).then(RoutingSet(strategy="turns", value_usd=None))
    assert evolve(OrganisationState(), first).routing == RoutingSetting(strategy="cascade", value_usd=value)


def test_an_organisation_can_be_founded_with_its_routing() -> None:
    routing = RoutingSetting(strategy="cascade")
    command = Found(id=COMMAND, at=AT, name="Aura", cap=CAP, routing=routing)
    given().when(command).then(Founded(name="Aura", cap=CAP), RoutingSet(strategy="cascade", value_usd=None))
    given(*FOUNDED).when(command).refused(Conflict, "already exists")


@pytest.mark.parametrize(
    ("strategy", "value", "message"),
    [
        ("dice", None, "no routing strategy dice"),
        ("cascade", Decimal(0), "value of a verified task is 0 USD"),
        ("cascade", Decimal(-1), "value of a verified task is -1 USD"),
        ("cascade", Decimal("NaN"), "value of a verified task"),
        ("cascade", Decimal("0.0000001"), "value of a verified task"),
        ("cascade", Decimal("1e10"), "value of a verified task"),
    ],
)
def test_an_impossible_routing_is_refused(strategy: str, value: Decimal | None, message: str) -> None:
    given(*FOUNDED).when(set_routing(strategy, value)).refused(Invalid, message)
    given(*FOUNDED).when(set_routing("cascade", Decimal("0.000001"))).then(  # control
        RoutingSet(strategy="cascade", value_usd=Decimal("0.000001"))
    )


def test_routing_cannot_be_set_before_the_organisation_exists() -> None:
    given().when(set_routing("cascade")).refused(Refused, "no organisation")
