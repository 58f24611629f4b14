"""The permits of a coding agent's attempt: the model gateway asks the manager through them, and sends its receipts."""

import asyncio
import json
import time
from collections.abc import Collection

import msgspec

from agents.gateway.contract import CallRefused, MeteredCall
from agents.permits import Permit, PermitRefused, Permits, TakenElsewhere
from agents.workers.receipts import APPLIED_WAIT_S, Receipts
from domain.money import Amount

AGAIN_WAIT_S = 0.25
TAKEN_ELSEWHERE = "taken_elsewhere"
_LISTS = ("messages", "input", "contents")
"""Names of the list of messages in the wire formats."""


class GatewayPermits:
    """The permits and receipts of one order. It is a `Permit` of the gateway."""

    def __init__(self, permits: Permits, receipts: Receipts) -> None:
        self._permits = permits
        self._receipts = receipts

    async def ask(self, bound: Amount, avoid: Collection[str] = ()) -> Permit:
        """Return the permitted call. Raises CallRefused.

        The gateway asks only if the bound fits its own account. So if the manager says that the reservation is used up,
        a receipt may be on its way, and the request is made again.
        """
        wait_s = AGAIN_WAIT_S
        while True:
            try:
                return await self._permits.permit(bound, avoid)
            except PermitRefused as refused:
                late = time.monotonic() + wait_s > self._receipts.sent_at + APPLIED_WAIT_S
                if refused.code != "reservation_used_up" or late:
                    raise CallRefused(refused.code, refused.message) from refused
            except TakenElsewhere as taken:
                raise CallRefused(TAKEN_ELSEWHERE, "Another worker has this order. This attempt ends.") from taken
            await asyncio.sleep(wait_s)
            wait_s *= 2

    async def receipt(self, index: int, call: MeteredCall) -> None:
        """Send the receipt to the manager. Raises Unavailable."""
        await self._receipts.send(index, call.snapshot, call.answer, prompt_parts(call.request))


def prompt_parts(request: bytes) -> list[bytes]:
    """Return a request as its settings and tools without the messages, and then each message. All are JSON."""
    body = json.loads(request)
    name = next((name for name in _LISTS if isinstance(body.get(name), list)), None)
    if name is None:
        return [request]
    rest = {key: value for key, value in body.items() if key != name}
    return [msgspec.json.encode(part) for part in (rest | {name: []}, *body[name])]
