"""The permits of a coding agent's attempt: the model gateway asks the manager through them, and sends its receipts."""

import asyncio
import json
import time
from collections import deque
from typing import Any, Protocol

import msgspec

from agents.employees.contract import Order
from agents.gateway.contract import CallRefused, MeteredCall
from agents.workers.permits import PermitRefused, Permits, TakenElsewhere
from agents.workers.result import CallReceipt, HandIn, cut, message_of
from domain.errors import Unavailable
from domain.money import Amount
from domain.tree import digest_of

SEND_ATTEMPTS_MAX = 20
RETRY_WAIT_S = 2.0
PROMPTS_REMEMBERED_MAX = 16
"""Earlier prompts that a new prompt is compared with. An agent may hold several conversations at the same time."""
APPLIED_WAIT_S = 10.0
"""Seconds after a receipt was sent in which the manager may still count the bound of its call."""
AGAIN_WAIT_S = 0.25
TAKEN_ELSEWHERE = "taken_elsewhere"
_LISTS = ("messages", "input", "contents")
"""Names of the list of messages in the wire formats."""


class ResultQueue(Protocol):
    """The queue that takes a receipt to the manager. `bus/work_queue.py` has the real one."""

    async def send_result(self, employee: Any, id: str, data: bytes, /) -> None: ...


class GatewayPermits:
    """The permits and receipts of one order. It is a `Permit` of the gateway."""

    def __init__(self, permits: Permits, queue: ResultQueue, order: Order) -> None:
        self._permits = permits
        self._queue = queue
        self._order = order
        self._sent_at = float("-inf")  # no receipt was sent yet
        self._prompts: deque[tuple[int, list[str]]] = deque(maxlen=PROMPTS_REMEMBERED_MAX)

    async def ask(self, bound: Amount) -> int:
        """Return the index of the permitted call. Raises CallRefused.

        The gateway asks only if the bound fits its own account. So if the manager says that the reservation is used up,
        a receipt may be on its way, and the request is made again.
        """
        wait_s = AGAIN_WAIT_S
        while True:
            try:
                return await self._permits.ask(bound)
            except PermitRefused as refused:
                late = time.monotonic() + wait_s > self._sent_at + APPLIED_WAIT_S
                if refused.code != "reservation_used_up" or late:
                    raise CallRefused(refused.code, refused.message) from refused
            except TakenElsewhere as taken:
                raise CallRefused(TAKEN_ELSEWHERE, "Another worker has this order. This attempt ends.") from taken
            await asyncio.sleep(wait_s)
            wait_s *= 2

    async def receipt(self, index: int, call: MeteredCall) -> None:
        """Send the receipt to the manager. The prompt is sent as the messages that an earlier call did not have."""
        order, parts = self._order, prompt_parts(call.request)
        base, kept = self._earlier(index, [digest_of(part) for part in parts])
        receipt = CallReceipt(
            index=index,
            snapshot=call.snapshot,
            answer=cut(call.answer),
            base=base,
            kept=kept,
            messages=tuple(cut(part) for part in parts[kept:]),
        )
        hand_in = HandIn(order=order.id, run=order.run, task=order.task, employee=order.employee, calls=(receipt,))
        await self._send(f"{order.id}-call-{index}", message_of(hand_in))

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

    async def _send(self, id: str, data: bytes) -> None:
        for attempt in range(SEND_ATTEMPTS_MAX):
            try:
                await self._queue.send_result(self._order.employee, id, data)
            except Unavailable:
                if attempt == SEND_ATTEMPTS_MAX - 1:
                    raise  # the lease of the order settles the call at its bound
                await asyncio.sleep(RETRY_WAIT_S)
            else:
                self._sent_at = time.monotonic()
                return


def prompt_parts(request: bytes) -> list[bytes]:
    """Return a request as its settings and tools without the messages, and then each message. All are JSON."""
    body = json.loads(request)
    name = next((name for name in _LISTS if isinstance(body.get(name), list)), None)
    if name is None:
        return [request]
    rest = {key: value for key, value in body.items() if key != name}
    return [msgspec.json.encode(part) for part in (rest | {name: []}, *body[name])]
