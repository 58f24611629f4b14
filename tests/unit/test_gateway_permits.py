"""The permits and receipts of a coding agent's attempt, on the way between gateway and manager."""

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from agents.gateway.contract import FREE, CallRefused, MeteredCall
from agents.permits import PermitAnswer, Permits
from agents.workers.gateway_permits import GatewayPermits, prompt_parts
from agents.workers.receipts import Receipts
from agents.workers.result import HandIn
from domain.errors import Unavailable
from domain.money import Amount
from domain.snapshot import Snapshot
from tests.orders import order
from tests.permitting import Permitting

_hand_in = msgspec.json.Decoder(HandIn)
BOUND = Amount(Decimal("0.10"), 500)


class Queue(Permitting):
    """A queue in memory. `failing`: number of sends that fail first. `refusals`: number of `answer`s."""

    def __init__(self, answer: PermitAnswer | None = None, failing: int = 0, refusals: int = 10**6) -> None:
        self._answer = answer
        self._refusals = refusals
        self.asks: list[int] = []
        self._failing = failing
        self.sent: list[tuple[str, HandIn]] = []

    async def ask_permit(self, employee: UUID, data: bytes, wait_s: float, /) -> bytes | None:
        self.asks.append(json.loads(data)["ask"])
        if self._answer is not None and len(self.asks) <= self._refusals:
            return msgspec.json.encode(self._answer)
        return await super().ask_permit(employee, data, wait_s)

    async def send_result(self, employee: UUID, id: str, data: bytes, /) -> None:
        del employee
        if self._failing:
            self._failing -= 1
            raise Unavailable("No server.", hint="Try again.")
        self.sent.append((id, _hand_in.decode(data)))


def permits_of(queue: Queue) -> GatewayPermits:
    asked = order()
    ids = {"run": asked.run, "task": asked.task, "order": asked.id, "employee": asked.employee}
    return GatewayPermits(Permits(queue, **ids, ends_at=10**9), Receipts(queue, asked))


def metered(**request: Any) -> MeteredCall:
    snapshot = Snapshot(outcome="answered", provider="double", endpoint="", model="m", cost=FREE)
    return MeteredCall(snapshot=snapshot, request=json.dumps(request).encode(), answer=b"answer")


async def test_a_call_is_permitted_and_its_receipt_sent() -> None:
    queue = Queue()
    permits = permits_of(queue)
    assert [(await permits.ask(BOUND)).index for _ in range(2)] == [0, 1]
    assert [request.bound for request in queue.permits_asked] == [BOUND, BOUND]
    await permits.receipt(0, metered(model="m", messages=[{"role": "user", "content": "x"}]))
    ((name, hand_in),) = queue.sent
    assert name == f"{order().id}-call-0"
    assert hand_in.outcome is None  # the attempt goes on
    assert hand_in.calls[0].answer == b"answer"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (PermitAnswer(status="refused", code="reservation_used_up", message="no"), "reservation_used_up"),
        (PermitAnswer(status="already_granted", claim=UUID(int=9)), "taken_elsewhere"),
    ],
)
async def test_a_refused_permit_is_a_refused_call(answer: PermitAnswer, code: str) -> None:
    with pytest.raises(CallRefused) as refused:
        await permits_of(Queue(answer)).ask(BOUND)
    assert refused.value.code == code


async def test_a_permit_is_asked_for_again_while_a_receipt_is_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.workers.gateway_permits.AGAIN_WAIT_S", 0.01)
    used_up = PermitAnswer(status="refused", code="reservation_used_up", message="no")
    queue = Queue(used_up, refusals=3)
    permits = permits_of(queue)
    with pytest.raises(CallRefused):  # control: no receipt was sent before
        await permits.ask(BOUND)
    await permits.receipt(0, metered(messages=[]))
    assert (await permits.ask(BOUND)).index == 0
    assert queue.asks == [0, 1, 2, 3]  # each request has a number of its own, so that it gets an answer of its own


async def test_a_receipt_is_sent_again_if_the_server_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.workers.receipts.RETRY_WAIT_S", 0.0)
    queue = Queue(failing=3)
    await permits_of(queue).receipt(0, metered(messages=[]))
    assert len(queue.sent) == 1
    with pytest.raises(Unavailable):
        await permits_of(Queue(failing=99)).receipt(0, metered(messages=[]))


@pytest.mark.parametrize("name", ["messages", "input", "contents"])
async def test_a_session_of_many_calls_is_recorded_in_proportion_to_its_length(name: str) -> None:
    queue = Queue()
    permits = permits_of(queue)
    messages: list[dict[str, str]] = []
    for index in range(30):
        messages.append({"role": "user", "content": f"message {index} " + "x" * 1000})
        await permits.receipt(index, metered(system="s" * 5000, **{name: messages}))
    sizes = [sum(map(len, hand_in.calls[0].messages)) for _, hand_in in queue.sent]
    assert sizes[0] > 6000
    assert max(sizes[1:]) < 1100
    assert _whole(queue, 29) == [{"system": "s" * 5000, name: []}, *messages]


def _whole(queue: Queue, index: int) -> list[Any]:
    """Return the parts of a prompt as the record has them, through the calls that it builds on."""
    receipt = next(hand_in.calls[0] for _, hand_in in queue.sent if hand_in.calls[0].index == index)
    earlier = _whole(queue, receipt.base)[: receipt.kept] if receipt.base is not None else []
    return earlier + [json.loads(part) for part in receipt.messages]


async def test_two_conversations_of_one_agent_are_each_recorded_once() -> None:
    queue = Queue()
    permits = permits_of(queue)
    talks: list[list[dict[str, str]]] = [[], []]
    for index in range(20):
        talk = talks[index % 2]
        talk.append({"role": "user", "content": f"{index} " + "y" * 1000})
        await permits.receipt(index, metered(model="m", messages=talk))
    assert sum(len(part) for _, hand_in in queue.sent for part in hand_in.calls[0].messages) < 25_000
    assert _whole(queue, 19)[1:] == talks[1]


def test_the_parts_of_a_request_without_messages_are_the_request() -> None:
    assert prompt_parts(b'{"input": "text"}') == [b'{"input": "text"}']
