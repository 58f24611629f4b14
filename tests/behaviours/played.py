"""The code that plays one behaviour to an employee: its worker, the manager's part, the event, its rows and its text.

Only the loopback server is real. The queue is in memory, and the manager's part consists of the functions that the real
manager calls.
"""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace
from pydantic import SecretStr

from agents.briefs.fence import Fence
from agents.employees.call_errors import hint_of
from agents.employees.contract import CallLimits, Employee, Order
from agents.employees.model_employee import ModelEmployee
from agents.employees.pricing import cost_of
from agents.employees.prompts import messages_of
from agents.employees.usage import prompt_bytes, tokens_of
from agents.manager.intake import safe_snapshot
from agents.workers.result import MESSAGE_BYTES_MAX, HandIn
from agents.workers.worker import Worker
from bus import codec
from bus.codec import Origin
from bus.projection_rows import Rows
from bus.redaction import Redactor
from director.terminal.event_text import Story
from domain import employee as staff
from domain import run_messages
from domain.employee import Profile
from domain.money import Amount
from domain.task import CallFinished, EndAttempt, FinishCall
from projections.accountant import AccountantProjection
from projections.auditor import AuditorProjection
from projections.manager import ManagerProjection
from tests.behaviours.model import ANSWERED, BOUND, ESTIMATED, NOTHING, Behaviour, Used
from tests.loopback import Loopback, Seen
from tests.openai_employee import openai_employee
from tests.orders import BRIEF
from tests.permitting import Permitting
from tests.unit.given import decide
from tests.unit.samples import AT, CALLING, COMMAND, EMPLOYEE, FIRST, ORDER, PRINCIPAL, RUN

KEY = "sk-loopback-0123456789abcdef"
MODEL = "gpt-4o"
PRICED_BY = "http://127.0.0.1"
RESERVED = Amount(Decimal("0.77"), 7777)
"""The reservation of the call. It differs clearly from every possible cost of a call."""
PROFILE = Profile(name="ada", provider="openai", model=MODEL, model_digest=None, style="chat", scripted=False)


class Queue(Permitting):
    """A queue of orders and hand-ins in memory."""

    def __init__(self, orders: list[Order]) -> None:
        self._orders = list(orders)
        self._count = len(orders)
        self.handed_in: list[HandIn] = []
        self.all_in = asyncio.Event()

    async def next_order(self, employee: UUID, wait_s: float, _stop: asyncio.Event, /) -> "Parcel | None":
        del employee
        if self._orders:
            return Parcel(msgspec.json.encode(self._orders.pop(0)))
        await asyncio.sleep(min(wait_s, 0.005))
        return None

    async def send_result(self, employee: UUID, id: str, data: bytes, /) -> None:
        del employee, id
        assert len(data) <= MESSAGE_BYTES_MAX
        self.handed_in.append(msgspec.json.decode(data, type=HandIn))
        if len(self.handed_in) >= self._count:
            self.all_in.set()


class Parcel:
    """One order as bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    async def done(self) -> bool:
        return True

    async def again(self, _wait_s: float, /) -> None:
        raise AssertionError("nobody has told the worker to end")


@dataclass(frozen=True)
class Played:
    """The result of a behaviour. `told`: the event's text for people. `seen`: the requests that the server received."""

    event: CallFinished
    hand_in: HandIn
    told: str
    seen: list[Seen]
    order: Order


def order_of(behaviour: Behaviour, *, brief: Any = BRIEF, number: int = 1) -> Order:
    limits = CallLimits(output_tokens_max=64, wall_s=behaviour.wall_s, cost_usd_max=Decimal(1), prompt_tokens_max=4096)
    return Order(
        id=UUID(int=900 + number),
        run=RUN,
        task=FIRST,
        task_name="T1",
        employee=EMPLOYEE,
        attempt=1,
        seed=7,
        brief=brief,
        limits=limits,
        adaptations=behaviour.known,
    )


def hired(base_url: str, **settings: Any) -> ModelEmployee:
    """Return a model with a price on a loopback server."""
    fields: dict[str, Any] = {"model": MODEL, "api_key": SecretStr(KEY), **settings}
    return openai_employee(id=EMPLOYEE, name="ada", base_url=base_url, **fields)


async def worked(employee: Employee, orders: list[Order], *, slots: int = 1) -> list[HandIn]:
    """Return the hand-ins of an employee's worker for these orders."""
    queue, stop = Queue(orders), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(Worker(employee, queue, slots=slots).run(stop))
        await queue.all_in.wait()
        stop.set()
    return queue.handed_in


async def played(behaviour: Behaviour, server: Loopback | None, *, base_url: str = "") -> Played:
    """Play a behaviour to one employee that has one order."""
    order = order_of(behaviour)
    address = behaviour.settings.get("base_url") or base_url or (server.base_url if server else "")
    settings = {name: value for name, value in behaviour.settings.items() if name != "base_url"}
    (hand_in,) = await worked(hired(address, **settings), [order])
    event = recorded(hand_in)
    return Played(event, hand_in, told(event), list(server.seen) if server else [], order)


def recorded(hand_in: HandIn) -> CallFinished:
    """Return the event of a hand-in, after the manager, the domain's decision, the log's bytes and the rows."""
    snapshot = safe_snapshot(hand_in.calls[0].snapshot, Redactor(), prompt="b" * 64, answer="c" * 64)
    command = FinishCall(
        id=COMMAND, at=AT, run=RUN, task=FIRST, employee=EMPLOYEE, order=ORDER, snapshot=snapshot, index=0
    )
    assigned, started = replace(CALLING[-2], reservation=RESERVED), replace(CALLING[-1], bound=RESERVED)
    calling = [*CALLING[:-2], assigned, started]
    (event,) = decide(command, *calling)
    origin = Origin(command=COMMAND, cause=None, principal=PRINCIPAL, role="manager", at=AT, policy="p")
    data, envelope = codec.encode(event, id=UUID(int=77), origin=origin, salt=bytes(32), clean=Redactor().clean)
    read = codec.recorded(3, data)
    assert read.event == event, "the log keeps it as it was"
    for projection in (ManagerProjection(), AuditorProjection(), AccountantProjection()):
        rows = Rows(projection.tables)
        for before in (staff.Hired(employee=EMPLOYEE, profile=PROFILE), *calling):
            projection.apply(codec.recorded(1, _encoded(before)), rows)
        projection.apply(read, rows)
    assert envelope.employee == EMPLOYEE
    assert isinstance(event, CallFinished)
    return event


def _encoded(event: Any) -> bytes:
    origin = Origin(command=COMMAND, cause=None, principal=PRINCIPAL, role="manager", at=AT, policy="p")
    return codec.encode(event, id=UUID(int=78), origin=origin, salt=bytes(32))[0]


def told(event: CallFinished) -> str:
    """Return the event's text in `aura watch`, `aura submit --wait` and `aura why`."""
    story = Story()
    story.hear(codec.recorded(1, _encoded(staff.Hired(employee=EMPLOYEE, profile=PROFILE))))
    story.hear(codec.recorded(1, _encoded(next(one for one in CALLING if isinstance(one, run_messages.Planned)))))
    if event.snapshot.outcome == ANSWERED:
        return story.tell(codec.recorded(2, _encoded(event)))
    end = EndAttempt(
        id=COMMAND,
        at=AT,
        run=RUN,
        task=FIRST,
        employee=EMPLOYEE,
        order=ORDER,
        outcome=event.snapshot.outcome,
        message=event.snapshot.message,
    )
    (ended,) = decide(end, *CALLING, event)
    return story.tell(codec.recorded(3, _encoded(ended)))


def wanted_charge(behaviour: Behaviour, done: Played) -> tuple[Amount, bool]:
    """Return the expected charge, and whether it must be marked as estimated."""
    charge = behaviour.charge
    if charge == NOTHING:
        return Amount(), False
    if charge == BOUND:
        return RESERVED, False
    if charge == ESTIMATED:
        text = "".join(_answer_texts(done))
        sent = done.seen[-1].body["messages"]
        charge = Used(tokens_of(prompt_bytes(sent)), tokens_of(len(text.encode())), estimated=True)
    assert isinstance(charge, Used)
    price = cost_of(
        "genai-prices",
        base_url=PRICED_BY,
        model=MODEL,
        input_tokens=charge.input_tokens,
        output_tokens=charge.output_tokens,
        cached_tokens=charge.cached,
    )
    assert price.usd is not None
    return Amount(price.usd, charge.input_tokens + charge.output_tokens), charge.estimated


def _answer_texts(done: Played) -> list[str]:
    return [done.hand_in.calls[0].answer.decode()]


def faults(behaviour: Behaviour, done: Played) -> list[str]:
    """Return each difference from the expected behaviour, one per line."""
    event, wrong = done.event, []
    snapshot = event.snapshot
    amount, estimated = wanted_charge(behaviour, done)
    pairs: list[tuple[str, Any, Any]] = [
        ("outcome", snapshot.outcome, behaviour.outcome),
        ("charged", (event.charged.usd, event.charged.tokens), (amount.usd, amount.tokens)),
        ("estimated", snapshot.estimated, estimated),
    ]
    if behaviour.requests is not None and done.seen is not None:
        pairs.append(("requests", len(done.seen), behaviour.requests))
    if behaviour.outcome == ANSWERED:
        pairs.append(("adaptations", snapshot.adaptations, (*behaviour.known, *behaviour.adapted)))
        pairs.append(
            ("files", dict(done.hand_in.files), {"double.py": b"def double(number):\n    return 2 * number\n"})
        )
    wrong += [f"{name}: {is_now!r} instead of {wanted!r}" for name, is_now, wanted in pairs if is_now != wanted]
    wrong += [
        f"the message lacks {words!r}: {snapshot.message!r}" for words in behaviour.says if words not in done.told
    ]
    if behaviour.outcome != ANSWERED and hint_of(behaviour.outcome) not in done.told:
        wrong.append(f"no remedy in {done.told!r}")
    if KEY in done.told or KEY in msgspec.json.encode(done.hand_in).decode():
        wrong.append("the key is shown")
    if behaviour.waits_s is not None:
        least, most = behaviour.waits_s
        if snapshot.retry_after_s is None or not least <= snapshot.retry_after_s <= most:
            wrong.append(f"waits {snapshot.retry_after_s} and not {least} to {most}")
    elif snapshot.retry_after_s is not None:
        wrong.append(f"waits {snapshot.retry_after_s} though nobody asked")
    sent = prompt_bytes(messages_of(done.order.brief, Fence(done.order.id), may_decline=True))
    assert sent > 0
    return wrong
