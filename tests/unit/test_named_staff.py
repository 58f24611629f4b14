"""A run that names its employees: only they get its tasks, and each rule of the routing looks only at them."""

from decimal import Decimal

import msgspec
from msgspec.structs import replace

from agents.manager import routing
from domain.errors import Refused
from domain.message import Event
from domain.money import Amount
from domain.registry import UPCASTERS
from domain.repeats import repeats_max
from domain.run import RunState
from domain.run_messages import Planned, Submitted
from tests.unit.given import decide, fold, given
from tests.unit.runs import ASSIGN
from tests.unit.samples import EMPLOYEE, FIRST, OTHER_EMPLOYEE, PLANNED, PROFILE, happened
from tests.unit.test_repeats_of_answers import ATTEMPTS_MAX, repeats

TWO = routing.StaffCapacity(profiles={EMPLOYEE: PROFILE, OTHER_EMPLOYEE: PROFILE})
DEAR = replace(PROFILE, call_usd_max=Decimal(1000))


def naming(*employees: object, events: tuple[Event, ...] = PLANNED) -> tuple[Event, ...]:
    """Return the events of a run whose submission names these employees."""
    return tuple(replace(event, employees=employees) if isinstance(event, Submitted) else event for event in events)


def state_of(*events: Event) -> RunState:
    state: RunState = fold("run", *events)
    return state


def review(*events: Event) -> tuple[Event, ...]:
    """Turn the first task into a review, which has no criteria."""
    return tuple(
        replace(event, tasks=(replace(event.tasks[0], criteria=()), *event.tasks[1:]))
        if isinstance(event, Planned)
        else event
        for event in events
    )


def test_only_a_named_employee_gets_a_task() -> None:
    given(*naming(OTHER_EMPLOYEE)).when(ASSIGN).refused(Refused, "only by the employees that the submission names")
    assert decide(ASSIGN, *naming(EMPLOYEE)), "the control: the employee is named"
    assert decide(ASSIGN, *naming(OTHER_EMPLOYEE, EMPLOYEE)), "several may be named"
    assert decide(ASSIGN, *naming()), "without names, each employee may have the task"


def test_a_review_may_be_done_by_somebody_who_is_not_named() -> None:
    assert decide(ASSIGN, *review(*naming(OTHER_EMPLOYEE)))


def test_routing_chooses_a_named_employee_and_waits_while_it_is_busy() -> None:
    state = state_of(*naming(EMPLOYEE))
    task = state.tasks[FIRST]
    barred = routing.barred(task, state, TWO)
    assert barred == {OTHER_EMPLOYEE}
    assert routing.choose(task, TWO, state.left, barred) == EMPLOYEE
    busy = routing.StaffCapacity(profiles=TWO.profiles, open_calls={EMPLOYEE: PROFILE.slots})
    assert routing.choose(task, busy, state.left, barred) is None
    free = state_of(*naming())
    assert routing.choose(task, busy, free.left, routing.barred(task, free, busy)) == OTHER_EMPLOYEE


def test_nobody_is_left_when_the_named_employee_only_repeats() -> None:
    stuck = repeats(repeats_max(ATTEMPTS_MAX))
    named, free = (state_of(*naming(*who, events=stuck)) for who in ((EMPLOYEE,), ()))
    assert routing.nobody_left(named.tasks[FIRST], named, TWO)
    assert not routing.nobody_left(free.tasks[FIRST], free, TWO), "the control: somebody else may still try"


def test_a_budget_that_pays_only_others_is_too_small() -> None:
    state = state_of(*naming(EMPLOYEE))
    dear = routing.StaffCapacity(profiles={EMPLOYEE: DEAR, OTHER_EMPLOYEE: PROFILE})
    left = Amount(Decimal(1), 10**9)
    barred = routing.barred(state.tasks[FIRST], state, dear)
    assert routing.unaffordable(dear, left, barred)
    assert not routing.unaffordable(dear, left), "the control: without names, the other employee is paid"
    assert not routing.unaffordable(TWO, left, frozenset(TWO.profiles)), "the budget is not the reason"


def test_an_older_submission_names_nobody() -> None:
    (submitted,) = happened("run.submitted")
    older = {key: value for key, value in msgspec.to_builtins(submitted).items() if key != "employees"}
    assert UPCASTERS["run.submitted", 3](older) == msgspec.to_builtins(submitted) | {"employees": []}


def test_names_have_priority_over_a_fallback_chain() -> None:
    chained = routing.StaffCapacity(profiles=TWO.profiles, chains={"implementer": (OTHER_EMPLOYEE,)})
    named, free = state_of(*naming(EMPLOYEE)), state_of(*naming())
    task = named.tasks[FIRST]
    assert EMPLOYEE in chained.for_task(task, named).profiles
    assert list(chained.for_task(task, free).profiles) == [OTHER_EMPLOYEE], "the control: without names"
