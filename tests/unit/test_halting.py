"""At a halt a worker cuts off its work, the manager takes the orders back, and each component has one receipt."""

import asyncio
from typing import Any, cast
from uuid import UUID

import msgspec
import pytest

from agents.employees.providers.scripted import ScriptedEmployee
from agents.halt_receipts import Acknowledging, receipt
from agents.manager.halting import Halting, released
from agents.null_reactor import Observer
from agents.workers.halting import CutOrder, HaltedWork, HaltOrder, halt_order_in
from agents.workers.pool import AtWork
from agents.workers.worker import OrderMessage, Worker
from bus.projection import Cause
from bus.projection_rows import Rows
from domain import task
from domain.halt import AcknowledgeHalt
from domain.message import Command
from domain.organisation import Halted, Paused
from domain.task import Released, TaskState
from domain.task_changes import evolve
from governance.gate import Outcome
from tests.unit.given import decide, fold
from tests.unit.samples import AT, CALLING, EMPLOYEE, FIRST, ORDER, RUN, uuid
from tests.unit.simulated_staff import recorded_event

HALT = uuid(70)
LATE, ENDED = (CutOrder(order=uuid(n), run=RUN, task=FIRST, employee=uuid(72), form="answer") for n in (74, 75))
CUT = CutOrder(order=ORDER, run=RUN, task=FIRST, employee=EMPLOYEE, form="session")


class Parcel:
    """One order whose work never ends by itself."""

    data = msgspec.json.encode({"id": ORDER, "run": RUN, "task": FIRST, "employee": EMPLOYEE, "form": "answer"})

    async def done(self) -> bool:
        return True

    async def again(self, _wait_s: float, /) -> None:
        raise AssertionError("nothing goes back")


class Endless(Worker):
    """A worker whose calls wait for ever."""

    began = False
    ended = False

    async def _take(self, _parcel: OrderMessage) -> None:
        self.began = True
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True


async def test_a_worker_cuts_off_its_call_and_says_so() -> None:
    worker = Endless(cast(ScriptedEmployee, None), cast(object, None))  # type: ignore[arg-type]  # it takes no order itself
    assert await worker.halt() == HaltedWork(), "control: nothing works"
    async with asyncio.TaskGroup() as calls:
        worker._begin(Parcel(), calls)
        while not worker.began:  # noqa: ASYNC110 - the next turn of the loop
            await asyncio.sleep(0)
        halted = await worker.halt()
    assert worker.ended
    assert halted == HaltedWork(cut=(msgspec.structs.replace(CUT, form="answer"),))
    assert await worker.halt() == HaltedWork(), "it says so once"


async def test_an_order_that_is_cut_off_before_it_begins_frees_its_place() -> None:
    worker = Endless(cast(ScriptedEmployee, None), cast(object, None))  # type: ignore[arg-type]  # as above
    async with asyncio.TaskGroup() as calls:
        await worker._slots.acquire()
        worker._begin(Parcel(), calls)
        await worker.halt()
    assert not worker.began, "control: its work did not begin"
    assert not worker.working
    assert not worker._slots.locked(), "the employee takes the next order"


async def test_a_halt_is_also_for_an_earlier_worker_that_finishes_its_calls() -> None:
    first, second = (Endless(cast(ScriptedEmployee, None), cast(object, None)) for _ in range(2))  # type: ignore[arg-type]
    nothing = cast(Any, None)
    present = AtWork(nothing, (), nothing, second, before=(first,))
    async with asyncio.TaskGroup() as calls:
        first._begin(Parcel(), calls)
        while not first.began:  # noqa: ASYNC110 - the next turn of the loop
            await asyncio.sleep(0)
        answer = await present.answer(msgspec.json.encode(HaltOrder(halt=HALT)))
    assert msgspec.json.decode(answer, type=HaltedWork).cut == (msgspec.structs.replace(CUT, form="answer"),)
    assert first.ended


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"a":' * 100_000, b"\xff", b"[]", b"{}"])
async def test_an_order_that_cannot_be_read_ends_no_worker(data: bytes) -> None:
    worker, parcel = Endless(cast(ScriptedEmployee, None), cast(object, None)), Parcel()  # type: ignore[arg-type]  # as above
    parcel.data = data
    async with asyncio.TaskGroup() as calls:
        worker._begin(parcel, calls)
        assert worker._at_work == {}, "it has no ids, so no receipt names it"
        (work,) = [each for each in asyncio.all_tasks() if "_take" in repr(each.get_coro())]
        work.cancel()


def test_only_an_order_to_stop_is_one() -> None:
    assert halt_order_in(msgspec.json.encode(HaltOrder(halt=HALT))) == HaltOrder(halt=HALT)
    assert halt_order_in(b'{"call":false,"wait_s":3.0}') is None
    assert halt_order_in(b"\xff") is None


def test_a_component_has_one_receipt_for_each_halt() -> None:
    assert receipt(HALT, "hr", AT).id == receipt(HALT, "hr", AT + 1).id
    assert len({receipt(HALT, name, AT).id for name in ("hr", "auditor")} | {receipt(uuid(71), "hr", AT).id}) == 3


def test_a_role_acknowledges_a_halt_and_nothing_else() -> None:
    reactor, rows = Acknowledging(Observer(), "hr"), cast(Rows, None)
    (said,) = reactor.react(recorded_event(1, Halted(reason="stop"), HALT, AT), rows, Cause(HALT, AT))
    assert isinstance(said, AcknowledgeHalt)
    assert (said.component, said.halt) == ("hr", HALT)
    assert reactor.react(recorded_event(1, Paused(reason="lunch"), HALT, AT), rows, Cause(HALT, AT)) == ()


class Workers:
    """The answers of workers: id -> answer."""

    def __init__(self, answers: dict[UUID, bytes]) -> None:
        self._answers = answers

    async def ask(self, employee: UUID, question: bytes, _wait_s: float, /) -> bytes | None:
        assert halt_order_in(question) is not None
        return self._answers.get(employee)


async def test_the_manager_acknowledges_for_the_workers_that_answer() -> None:
    sent: list[Command] = []
    other = uuid(72)
    answers = {
        EMPLOYEE: msgspec.json.encode(HaltedWork(cut=(CUT,))),
        other: msgspec.json.encode(HaltedWork(cut=(LATE, ENDED), still=(LATE.order,))),
    }

    async def send(command: Command) -> Outcome:
        sent.append(command)
        return Outcome(())

    halting = Halting(Workers(answers), send)
    halting._staff = {EMPLOYEE: "ada", other: "bea", uuid(73): "cy"}
    await halting._stop_all(HALT, asyncio.Event())
    said = {command.component: command for command in sent if isinstance(command, AcknowledgeHalt)}
    assert said.keys() == {"manager", "worker ada"}, "a worker that still works, or that nobody serves, has no receipt"
    assert said["worker ada"].boxes == (f"session {ORDER}",)
    back = {command.order for command in sent if isinstance(command, task.ReleaseOrder)}
    assert back == {ORDER, ENDED.order}, "an order that is still at work is not taken back"


def test_a_halted_attempt_does_not_count_and_is_charged() -> None:
    state = fold("run", *CALLING)
    (event,) = decide(released(HALT, CUT), *CALLING)
    assert isinstance(event, Released)
    assert event.cut_off
    part: TaskState = state.tasks[FIRST]
    assert (part.attempts, evolve(part, event).attempts) == (1, 0)
    assert evolve(part, event).spent == event.charged
    other = msgspec.structs.replace(event, reason="the lease ran out")
    assert (part.tried, evolve(part, event).tried) == ((EMPLOYEE,), ())
    assert (evolve(part, other).attempts, evolve(part, other).tried) == (1, (EMPLOYEE,)), "control"
