"""Employees and verdicts go to the runs in turns: no run starves, whatever its number of tasks and its age."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from agents.manager.prompt_sizes import NOT_SIZED, PromptSizes
from agents.manager.reactor import Manager
from agents.verifier.verdict_queue import VerdictQueue, Waiting
from bus.projection import Cause
from bus.projection_rows import Rows
from domain import employee, run_messages, task
from domain.money import Amount
from domain.run import initial
from domain.run_messages import PlannedTask
from projections.manager import ManagerProjection
from projections.openrun import open_in
from projections.verifier import MERGED, Pending
from tests.unit.samples import ADMITTED, AT, PROFILE, happened, uuid
from tests.unit.test_projections import recorded

BUDGET = Amount(Decimal(10**6), 10**12)


class Office:
    """A manager and its rows. Each employee takes one task at a time, and does it in one tick."""

    def __init__(self, employees: int, *, sizes: PromptSizes | None = None) -> None:
        self.manager, self.rows = Manager(sizes=sizes), Rows(ManagerProjection.tables)
        self.seq = 0
        self.given: list[UUID] = []  # the run of each assignment, in order
        self.at_work: list[task.Assign] = []
        self.fold(*happened("organisation.founded"))
        for number in range(employees):
            profile = replace(PROFILE, name=f"w{number}", slots=1)
            self.fold(employee.Hired(employee=uuid(500 + number), profile=profile))

    @property
    def now(self) -> int:
        return AT + self.seq

    def fold(self, *events: Any) -> None:
        for event in events:
            self.seq += 1
            ManagerProjection().apply(recorded(self.seq, event), self.rows)

    def submit(self, tasks: int) -> UUID:
        """Submit and plan a run of independent tasks."""
        run = uuid(10_000 + self.seq)
        allowance = run_messages.Allowance(amount=BUDGET, minutes=1000)
        planned = tuple(
            PlannedTask(id=uuid(run.int * 100 + number), name=f"T{number}", criteria=("A1",), scope=(f"{number}.py",))
            for number in range(tasks)
        )
        for event in ADMITTED[1:]:
            changes: dict[str, Any] = {"allowance": allowance} if isinstance(event, run_messages.Submitted) else {}
            if isinstance(event, run_messages.Admitted):
                changes = {"due_at": self.now + 1000 * 60_000_000}
            which = {"for_run": run} if not hasattr(event, "run") else {"run": run}
            self.fold(replace(event, **which, **changes))
        self.fold(run_messages.Planned(run=run, tasks=planned))
        return run

    def dispatch(self, run: UUID | None = None) -> list[Any]:
        """Give out what can be given, as after an event of `run`."""
        self.seq += 1
        commands = list(self.manager.dispatch(self.rows, Cause(uuid(900_000 + self.seq), self.now), run))
        for command in commands:
            assert isinstance(command, task.Assign)
            self.given.append(command.run)
            self.at_work.append(command)
            event = happened("task.assigned")[0]
            ids = {"run": command.run, "task": command.task, "employee": command.employee, "order": command.order}
            self.fold(replace(event, **ids, due_at=command.due_at, attempt=command.attempt))
            self.manager.picks.pop((command.run, command.task), None)
        return commands

    def finish(self, done: task.Assign) -> None:
        """The employee hands in, and the work is verified at once."""
        self.at_work.remove(done)
        ids = {"run": done.run, "task": done.task, "employee": done.employee, "order": done.order}
        self.fold(*(replace(event, **ids) for event in happened("task.submitted", "task.verified")))

    def waiting(self) -> Counter[UUID]:
        """Return the number of ready tasks of each run."""
        states = [(row.scope, state) for row, state in open_in(self.rows, "planned")]
        return Counter({run: sum(part.phase == "waiting" for part in state.tasks.values()) for run, state in states})


def overtaken(office: Office, moments: Sequence[tuple[Mapping[UUID, int], int]]) -> int:
    """Return the most tasks that one run got while another run had a ready task, none in work, and got none."""
    worst = 0
    since: dict[UUID, int] = {}
    for idle, given in moments:
        for run in list(since):
            if run not in idle:
                del since[run]
        for run in idle:
            since.setdefault(run, given)
        for run, begun in since.items():
            others = Counter(each for each in office.given[begun:given] if each != run)
            worst = max(worst, *others.values(), 0) if others else worst
    return worst


@pytest.mark.parametrize("seed", range(6))
def test_no_run_starves_beside_large_and_small_ones_of_any_age(seed: int) -> None:
    """Runs of 1 to 40 tasks come at any time. While a run waits with nothing in work, no other run gets two tasks."""
    draw, office = random.Random(seed), Office(4)
    moments: list[tuple[Mapping[UUID, int], int]] = []
    sizes = {office.submit(40): 40}
    for _ in range(120):
        if len(sizes) < 25 and draw.random() < 0.5:
            tasks = draw.choice((1, 1, 1, 2, 3, 15))
            sizes[office.submit(tasks)] = tasks
        office.dispatch(draw.choice([*sizes, None]))
        busy = {order.run for order in office.at_work}
        moments.append(({run: n for run, n in office.waiting().items() if n and run not in busy}, len(office.given)))
        for done in draw.sample(office.at_work, min(len(office.at_work), draw.randint(1, 4))):
            office.finish(done)
    while office.waiting().total() or office.at_work:
        for done in list(office.at_work):
            office.finish(done)
        office.dispatch()
    assert overtaken(office, moments) <= 2
    assert Counter(office.given) == sizes, "each task was given once"


def test_a_small_run_does_not_wait_for_an_early_large_one_nor_the_large_one_for_small_ones() -> None:
    office = Office(1)
    large = office.submit(30)
    office.dispatch()
    small = [office.submit(1) for _ in range(3)]
    for _ in range(12):
        for done in list(office.at_work):
            office.finish(done)
        office.submit(1)  # a new small run at each turn
        office.dispatch()
    assert office.given[:5] == [large, large, *small], "the large run waits since its last task, the others since then"
    assert office.given[5:].count(large) >= 1, "it gets its turn again although new runs keep coming"
    assert office.given.count(large) <= 4, "and no more than its turn"


def test_a_run_gets_a_second_task_only_after_every_other_run_was_sized() -> None:
    """The prompts of many new runs are measured one after the other. The first one does not take the whole staff."""
    sizes = PromptSizes()
    office = Office(3, sizes=sizes)
    first, second = office.submit(3), office.submit(1)
    states = {row.scope: state for row, state in open_in(office.rows, "planned")}
    for part in states[first].tasks.values():
        sizes.put(first, part, NOT_SIZED)
    office.dispatch(first)
    assert office.given == [first]
    for part in states[second].tasks.values():
        sizes.put(second, part, NOT_SIZED)
    office.dispatch(second)
    assert office.given == [first, second, first]


def test_without_a_free_employee_only_the_run_of_the_event_is_examined() -> None:
    office = Office(1)
    busy, due = office.submit(2), office.submit(1)
    office.dispatch()
    seen: list[UUID] = []
    real = office.manager._dispatch_run

    def counted(run: UUID, *rest: Any) -> Any:
        def commands() -> Any:
            seen.append(run)
            yield from real(run, *rest)

        return commands()

    office.manager._dispatch_run = counted  # type: ignore[method-assign,assignment]  # counts the runs that are examined
    assert office.dispatch(busy) == []
    assert seen == [busy]
    assert office.dispatch() == []
    assert {busy, due} <= set(seen[1:]), "control: without an event of a run, all are examined"


def trees(*runs: int, first: int = 0, key: str = "") -> dict[UUID, Waiting]:
    """Return trees that wait: one for each given number of a run."""
    return {
        uuid(7000 + first + number): Waiting(
            Pending(
                scope=uuid(run),
                key=key or str(uuid(8000 + first + number)),
                cause=uuid(7000 + first + number),
                tree="a" * 64,
                employee=None,
                order_id=None,
            ),
            initial,
        )
        for number, run in enumerate(runs)
    }


def judged(queue: VerdictQueue, waiting: dict[UUID, Waiting], count: int) -> list[int]:
    """Return the runs of the next verdicts."""
    order = []
    for _ in range(count):
        taken = queue.take(())
        assert taken is not None
        order.append(taken.pending.scope.int)
        del waiting[taken.pending.cause]
        queue.renew(waiting)
    return order


def test_verdicts_go_to_the_runs_in_turns() -> None:
    queue, waiting = VerdictQueue(), trees(1, 1, 1, 1, 1, 2, 3)
    queue.renew(waiting)
    assert judged(queue, waiting, 4) == [1, 2, 3, 1]
    waiting |= trees(4, 2, first=50)
    queue.renew(waiting)
    assert judged(queue, waiting, 5) == [1, 4, 2, 1, 1]
    assert queue.take(()) is None


def test_a_merged_tree_comes_first_and_nothing_is_taken_twice() -> None:
    queue, waiting = VerdictQueue(), trees(1, 1, 2) | trees(3, first=20, key=MERGED)
    queue.renew(waiting)
    busy: set[UUID] = set()
    runs = []
    while (taken := queue.take(busy)) is not None:
        busy.add(taken.pending.cause)
        runs.append(taken.pending.scope.int)
    assert runs == [3, 1, 2, 1]
    assert busy == set(waiting)
