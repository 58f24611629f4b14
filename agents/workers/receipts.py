"""The receipts of the calls of one order. Each receipt is sent to the manager as soon as its call has ended."""

import asyncio
import time
from collections import deque
from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

from agents.employees.call_errors import CallFailed
from agents.employees.contract import Employee, ModelResult, Order
from agents.employees.conversation import Message
from agents.sessions.transcript import encoded
from agents.workers.result import CallReceipt, HandIn, cut, message_of, snapshot_of, snapshot_of_failure
from domain.errors import Unavailable
from domain.snapshot import Snapshot
from domain.tree import digest_of

SEND_ATTEMPTS_MAX = 80
APPLIED_WAIT_S = 10.0
"""Seconds after a receipt was sent in which the manager may still count the bound of its call."""
RETRY_WAIT_S = 0.5
PROMPTS_REMEMBERED_MAX = 16
"""Earlier prompts that a new prompt is compared with. An agent may hold several conversations at the same time."""


class ResultQueue(Protocol):
    """The queue that takes a receipt to the manager. `bus/work_queue.py` has the real one."""

    async def send_result(self, employee: UUID, id: str, data: bytes, /) -> None: ...


class _Sent(NamedTuple):
    at: float
    data: bytes


class Receipts:
    """Sends the receipts of one order. `sent_at`: when the last one was sent, by the monotonic clock.

    The queue of results is in the server's memory, so a receipt can be lost. It is kept until the manager has it.
    """

    def __init__(self, queue: ResultQueue, order: Order) -> None:
        self.sent_at = float("-inf")  # no receipt was sent yet
        self._queue = queue
        self._order = order
        self._sent: dict[int, _Sent] = {}
        self._prompts: deque[tuple[int, list[str]]] = deque(maxlen=PROMPTS_REMEMBERED_MAX)

    async def send(self, index: int, snapshot: Snapshot, answer: bytes, prompt: Sequence[bytes]) -> None:
        """Send one receipt. `prompt`: all messages of the call. Only those that no earlier call had are sent.

        Raises Unavailable if no attempt succeeds. The lease of the order then settles the call at its bound.
        """
        order = self._order
        base, kept = self._earlier(index, [digest_of(message) for message in prompt])
        receipt = CallReceipt(
            index=index,
            snapshot=snapshot,
            answer=cut(answer),
            base=base,
            kept=kept,
            messages=tuple(cut(message) for message in prompt[kept:]),
        )
        hand_in = HandIn(order=order.id, run=order.run, task=order.task, employee=order.employee, calls=(receipt,))
        await self._send(index, message_of(hand_in))

    async def settle(self, open_calls: Collection[int]) -> None:
        """Forget the receipts that the manager has, and send those again that it should have by now.

        `open_calls`: the calls without a receipt, as the manager says. Raises Unavailable.
        """
        now = time.monotonic()
        self._sent = {index: sent for index, sent in self._sent.items() if index in open_calls}
        for index, sent in [*self._sent.items()]:
            if now - sent.at > APPLIED_WAIT_S:
                await self._send(index, sent.data)

    async def _send(self, index: int, data: bytes) -> None:
        await send_with_retries(self._queue, self._order.employee, f"{self._order.id}-call-{index}", data)
        self.sent_at = time.monotonic()
        self._sent[index] = _Sent(self.sent_at, data)

    def _earlier(self, index: int, digests: list[str]) -> tuple[int | None, int]:
        """Return the earlier call with the longest common beginning, and the length of this beginning."""
        base, kept = None, 0
        for earlier, others in self._prompts:
            same = next((at for at, (one, two) in enumerate(zip(digests, others, strict=False)) if one != two), None)
            length = min(len(digests), len(others)) if same is None else same
            if length > kept:
                base, kept = earlier, length
        self._prompts.append((index, digests))
        return base, kept


class ModelReceipts:
    """The receipts of a session of a model. The answer is kept as the message that the model gave."""

    def __init__(self, receipts: Receipts, employee: Employee) -> None:
        self._receipts = receipts
        self._employee = employee

    async def finished(self, index: int, prompt: Sequence[bytes], result: ModelResult) -> None:
        answer = Message(role="assistant", text=result.text or "", calls=result.calls, opaque=result.opaque)
        snapshot = snapshot_of(result, "answered", self._employee)
        await self._receipts.send(index, snapshot, encoded(answer), prompt)

    async def failed(self, index: int, prompt: Sequence[bytes], failure: CallFailed) -> None:
        await self._receipts.send(index, snapshot_of_failure(failure, self._employee), b"", prompt)


async def send_with_retries(queue: ResultQueue, employee: UUID, id: str, data: bytes) -> None:
    """Send a result, and again while NATS does not answer. Raises Unavailable after SEND_ATTEMPTS_MAX attempts."""
    for attempt in range(SEND_ATTEMPTS_MAX):
        try:
            await queue.send_result(employee, id, data)
        except Unavailable:
            if attempt == SEND_ATTEMPTS_MAX - 1:
                raise
            await asyncio.sleep(RETRY_WAIT_S)
        else:
            return
