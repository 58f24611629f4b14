"""Requests of a greedy agent to the model gateway, and the comparison of the accounts with the reservation."""

import asyncio
from decimal import Decimal
from typing import Any

from agents.gateway.refusals import WireName
from domain.money import Amount
from tests.gateways import PATHS, Answered, World, honest_body, post, send
from tests.provider_double import Act, Provider, Seen
from tests.providers import answering

SMALL = Amount(Decimal("0.05"), 12_000)
"""A reservation for a few calls."""
STREAMS: dict[WireName, str] = PATHS | {"gemini": "/v1beta/models/some-model:streamGenerateContent?alt=sse"}


def request(wire: WireName, *, stream: bool = True, **fields: Any) -> bytes:
    asked = {**honest_body(wire), **fields}
    if stream and wire != "gemini":
        asked["stream"] = True
    return post(STREAMS[wire] if stream else PATHS[wire], asked)


def slow(wait_s: float) -> Act:
    async def act(double: Provider, writer: asyncio.StreamWriter, seen: Seen) -> None:
        await asyncio.sleep(wait_s)
        await answering()(double, writer, seen)

    return act


def within(made: World, reservation: Amount = SMALL) -> None:
    """Check that neither account exceeds the reservation, at the end and at any time before."""
    account = made.account
    assert account.attempt.open == {}
    assert account.attempt.charged.fits(reservation)
    assert account.worst.usd >= 0
    assert account.worst.tokens >= 0
    assert made.provider.billed_tokens <= reservation.tokens
    assert made.provider.billed_tokens <= account.attempt.charged.tokens
    assert made.spending.charged == account.attempt.charged


async def until_used_up(made: World, request: bytes, *, calls_max: int = 200) -> list[Answered]:
    """Send a request again and again until it is refused, as a greedy agent does."""
    answers = []
    for _ in range(calls_max):
        answers.append(await send(made.gateway, request))
        if answers[-1].status == 402:
            break
    return answers
