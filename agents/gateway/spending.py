"""The reservation of one attempt, shared by all requests of its box. The manager's permit decides; this is the
gateway's own copy of the same account, so that a request can wait for room and is cut to what is left.
"""

import asyncio
import time
from typing import NamedTuple

from agents.gateway.limits import OUTPUT_TOKENS_MIN, ROOM_WAIT_S
from agents.gateway.metering import Meter
from agents.gateway.refusals import GatewayRefusal
from domain.attempt import not_negative
from domain.money import NOTHING, Amount


class Reserved(NamedTuple):
    """The upper bound of one call, and the most output tokens that it may ask for."""

    bound: Amount
    output_tokens: int


class Spending:
    """The account of one attempt. `charged`: the sum of the receipts. `open`: the sum of the bounds of open calls."""

    def __init__(self, reservation: Amount, *, wait_s: float = ROOM_WAIT_S) -> None:
        self.reservation = reservation
        self.charged = NOTHING
        self.open = NOTHING
        self.calls_open = 0
        self._wait_s = wait_s
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def left(self) -> Amount:
        return not_negative(self.reservation - self.charged - self.open)

    async def reserve(self, meter: Meter, input_tokens: int, wanted: int) -> Reserved:
        """Reserve the bound of a call. If open calls hold the rest, wait until they give back what they did not use.

        :raises GatewayRefusal: 402 if the reservation is used up; 429 if open calls hold it too long.
        """
        until = time.monotonic() + self._wait_s
        while True:
            bound, tokens = meter.bound(input_tokens, wanted), wanted
            if bound.fits(self.left):
                break
            if not self.calls_open:
                tokens = self._cut(meter, input_tokens, wanted)
                bound = meter.bound(input_tokens, tokens)
                break
            await self._room(until)
        self.open, self.calls_open = self.open + bound, self.calls_open + 1
        return Reserved(bound, tokens)

    def settle(self, reserved: Reserved, charged: Amount) -> None:
        """Replace the bound of a call by its charge, and wake the requests that wait for room."""
        self.open, self.calls_open = self.open - reserved.bound, self.calls_open - 1
        self.charged = self.charged + charged
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    def _cut(self, meter: Meter, input_tokens: int, wanted: int) -> int:
        """Return the most output tokens that fit what is left, or refuse the call if there are too few."""
        tokens, least = meter.output_within(self.left, input_tokens, wanted), min(OUTPUT_TOKENS_MIN, wanted)
        if tokens < least:
            raise self._used_up(meter.bound(input_tokens, least))
        return tokens

    async def _room(self, until: float) -> None:
        """Wait until a call is settled."""
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(settled)
        try:
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                await settled
        except TimeoutError:
            raise GatewayRefusal(
                429,
                "reservation_busy",
                "Other open calls hold the rest of this attempt's budget. Ask again when one of them has ended.",
                retry_after_s=10,
            ) from None
        finally:
            self._waiting.discard(settled)

    def _used_up(self, least: Amount) -> GatewayRefusal:
        left = self.left
        return GatewayRefusal(
            402,
            "reservation_used_up",
            f"The budget of this attempt is used up: {left.usd} USD and {left.tokens} tokens of "
            f"{self.reservation.usd} USD and {self.reservation.tokens} tokens are left, and this request may cost "
            f"{least.usd} USD and {least.tokens} tokens. Hand in your work now, or send a shorter prompt.",
        )
