"""The manager routes by the organisation's strategy: limits first, the reason in the event, the same in a replay."""

from decimal import Decimal
from uuid import UUID

import pytest

from agents.manager.reactor import Manager
from agents.manager.wait_reasons import WaitReasons
from bus.projection import fold
from bus.projection_rows import Rows
from domain import run_messages, task
from domain.routing.difficulty import MODEL
from domain.routing.record import RECORDED_MAX
from domain.routing.terms import RoutingSetting, WorkTerms
from observability.process_registry import Serving
from projections.manager import ManagerProjection
from tests.unit.simulated_staff import Simulated, Simulation, steady

CHEAP = Simulated("cheap", steady(0.5), usd="0.01", usd_max="0.04")
STRONG = Simulated("strong", steady(0.9), usd="0.20", usd_max="0.60")
WEAK = Simulated("weak", steady(0.0), usd="0.01", usd_max="0.04")
CASCADE = RoutingSetting(strategy="cascade", value_usd=Decimal(1))


def played(simulation: Simulation, runs: int) -> Simulation:
    for _ in range(runs):
        simulation.run()
    return simulation


def reason_of(event: task.Assigned) -> str:
    assert event.choice is not None
    return event.choice.reason


def ends(simulation: Simulation) -> list[str]:
    return [each.event.reason for each in simulation.log if isinstance(each.event, run_messages.Ended)]


def test_the_cheap_one_tries_first_and_the_strong_one_after_its_failure() -> None:
    simulation = played(Simulation((CHEAP, STRONG)), 30)
    assert not simulation.refused
    firsts = [event for event in simulation.assigned if event.attempt == 1]
    assert len(firsts) == 30
    assert simulation.shares(10)["cheap"] >= 18


def test_after_the_failures_of_a_cheap_one_the_strong_one_tries() -> None:
    simulation = played(Simulation((WEAK, STRONG)), 10)
    later = [simulation.by_id[event.employee].name for event in simulation.assigned if event.attempt > 1]
    assert later.count("strong") >= 8
    assert sum(isinstance(each.event, task.Verified) for each in simulation.log) >= 8


def test_without_a_setting_the_employees_take_turns_and_no_choice_is_recorded() -> None:
    simulation = played(Simulation((CHEAP, STRONG), routing=None), 30)
    assert all(event.choice is None for event in simulation.assigned)
    assert 5 <= simulation.shares()["strong"] <= 25
    control = played(Simulation((CHEAP, STRONG)), 1)
    assert all(event.choice is not None for event in control.assigned)


def test_turns_as_a_setting_choose_as_without_one_and_say_so() -> None:
    unset = played(Simulation((CHEAP, STRONG, WEAK), routing=None), 10)
    turns = played(Simulation((CHEAP, STRONG, WEAK), routing=RoutingSetting(strategy="turns")), 10)
    assert {reason_of(event) for event in turns.assigned} == {"turn"}
    assert len(unset.assigned) >= 10
    assert [event.employee for event in unset.assigned] == [event.employee for event in turns.assigned]


@pytest.mark.parametrize("strategy", ["turns", "cheapest_first", "best_single", "cascade"])
def test_a_replay_over_the_log_makes_the_same_choices(strategy: str) -> None:
    """Fold the log into new rows with a new manager. Each recorded assignment is asked for again, with its choice."""
    setting = RoutingSetting(strategy=strategy, value_usd=Decimal(1))
    simulation = played(Simulation((CHEAP, STRONG, WEAK), routing=setting, seed=7), 20)
    projection, manager = ManagerProjection(), Manager()
    rows = Rows(projection.tables)
    asked: dict[UUID, task.Assign] = {}
    for recorded in simulation.log:
        for command in fold(projection, manager, recorded, rows, recorded.envelope.occurred_at):
            if isinstance(command, task.Assign):
                asked.setdefault(command.order, command)
    assert len(simulation.assigned) >= 20
    for event in simulation.assigned:
        command = asked[event.order]
        assert (command.employee, command.skill, command.choice) == (event.employee, event.skill, event.choice)
    assert rows.snapshot() == simulation.rows.snapshot()


def test_the_record_explains_the_choice_and_is_bounded() -> None:
    crowd = tuple(Simulated(f"e{number:02}", steady(0.5), usd=f"0.{number + 10}") for number in range(20))
    simulation = played(Simulation(crowd), 1)
    event = simulation.assigned[0]
    assert event.choice is not None
    assert (len(event.choice.candidates), event.choice.more) == (RECORDED_MAX, 20 - RECORDED_MAX)
    chosen = event.choice.of(event.employee)
    assert chosen is not None
    assert chosen.rate == 500_000
    assert chosen.reservation == event.choice.value - chosen.cost * 1_000_000 // chosen.rate_now
    assert event.choice.model == MODEL
    assert event.skill == "library/python/small/answer/normal"
    assert (event.choice.value, event.choice.value_from) == (1_000_000, "organisation")


def test_a_task_that_is_not_worth_it_ends_the_run_with_the_numbers() -> None:
    simulation = Simulation((STRONG,), routing=RoutingSetting(strategy="cascade", value_usd=Decimal("0.05")))
    simulation.run()
    assert simulation.assigned == []
    (reason,) = ends(simulation)
    assert "no attempt is worth its price" in reason
    assert "strong" in reason
    assert "$0.0500" in reason
    assert "not_worth_it" in reason
    assert "aura routing set --value-usd" in reason
    control = Simulation((STRONG,))
    control.run()
    assert len(control.assigned) >= 1


def test_a_larger_value_of_the_requirement_buys_attempts() -> None:
    simulation = Simulation((STRONG,), routing=RoutingSetting(strategy="cascade", value_usd=Decimal("0.05")))
    work = WorkTerms(deliver="library", language="python", value_usd=Decimal(2))
    simulation.run(work=work)
    event = simulation.assigned[0]
    assert event.choice is not None
    assert (event.choice.value, event.choice.value_from) == (2_000_000, "run")


def test_attempts_end_when_the_difficulty_has_made_them_worthless() -> None:
    simulation = Simulation((WEAK,), routing=RoutingSetting(strategy="cascade", value_usd=Decimal("0.50")))
    simulation.run(attempts_max=50)
    assert 2 <= len(simulation.assigned) < 50
    assert "no attempt is worth its price" in ends(simulation)[0]


def test_one_attempt_of_the_best_single_ends_the_run() -> None:
    simulation = Simulation((WEAK,), routing=RoutingSetting(strategy="best_single", value_usd=Decimal(1)))
    simulation.run()
    assert len(simulation.assigned) == 1
    assert "only one attempt" in ends(simulation)[0]


def test_cheapest_first_tries_each_employee_once_in_the_order_of_price() -> None:
    strong = Simulated("strong", steady(0.0), usd="0.20", usd_max="0.60")
    simulation = Simulation((strong, WEAK), routing=RoutingSetting(strategy="cheapest_first"))
    simulation.run()
    assert [simulation.by_id[event.employee].name for event in simulation.assigned] == ["weak", "strong"]
    assert "nobody" in ends(simulation)[0].lower()


def test_nobody_waits_for_a_busy_one_that_is_not_clearly_better() -> None:
    twin = Simulated("twin", steady(0.5), usd="0.01", usd_max="0.04")
    simulation = Simulation((CHEAP, twin))
    simulation.submit(plan=2)
    assert {simulation.by_id[event.employee].name for event in simulation.assigned} == {"cheap", "twin"}


def test_a_task_waits_for_a_busy_one_that_is_clearly_better() -> None:
    dear = Simulated("dear", steady(0.5), usd="0.40", usd_max="1.20")
    simulation = Simulation((CHEAP, dear))
    simulation.submit(plan=2)
    assert [simulation.by_id[event.employee].name for event in simulation.assigned] == ["cheap"]
    simulation.work(simulation.assigned[0])
    assert len(simulation.assigned) == 2, "the other task is assigned when the employee is free"


def test_free_employees_are_ordered_by_rate_then_time() -> None:
    slow = Simulated("slow", steady(1.0), usd="0", usd_max="0", seconds=60)
    quick = Simulated("quick", steady(1.0), usd="0", usd_max="0", seconds=5)
    simulation = played(Simulation((slow, quick)), 20)
    assert not simulation.refused
    assert simulation.shares(8)["quick"] >= 10
    poor = Simulated("poor", steady(0.0), usd="0", usd_max="0", seconds=1)
    other = played(Simulation((slow, poor)), 20)
    assert other.shares(8)["slow"] >= 10


def test_a_high_risk_is_not_explored() -> None:
    staff = (CHEAP, STRONG, WEAK)
    risky = WorkTerms(deliver="library", language="python", skill={"risk": "high"})
    simulation = Simulation(staff, seed=3)
    for _ in range(20):
        simulation.run(work=risky)
    assert {event.choice.risk for event in simulation.assigned if event.choice} == {"high"}
    assert "explores" not in {reason_of(event) for event in simulation.assigned}
    control = played(Simulation(staff, seed=3), 20)
    assert "explores" in {reason_of(event) for event in control.assigned}


def test_a_task_with_only_named_employees_gets_no_other() -> None:
    """The limits come before the strategy: an employee with too many faults gets no further order."""
    simulation = Simulation((CHEAP, STRONG))
    run = simulation.submit()
    first = simulation.assigned[0]
    simulation.call(first, outcome="context_overflow")
    simulation.send(task.EndAttempt(**simulation.stamp(), **simulation.ids_of(first), outcome="context_overflow"))
    assert simulation.assigned[1].employee != first.employee
    assert simulation.world.runs[run].phase == "planned"


def test_a_run_that_waits_for_the_best_one_says_so() -> None:
    dear = Simulated("dear", steady(0.5), usd="0.40", usd_max="1.20")
    simulation = Simulation((CHEAP, dear))
    simulation.submit()
    waiting = simulation.submit()
    reasons = WaitReasons(simulation.rows, Serving(frozenset(), all_here=False), simulation.now)
    wait = reasons.of(waiting, simulation.world.runs[waiting])
    assert wait is not None
    assert (wait.code, "waits for cheap, which is clearly the best choice" in wait.message) == ("no_slot", True)
    twin = Simulated("twin", steady(0.5), usd="0.01", usd_max="0.04")
    control = Simulation((CHEAP, twin))
    control.submit()
    following = control.submit()
    assert control.world.runs[following].tasks.at(0).phase == "assigned"
