"""The gateway with several accounts: a call that one account refuses is made by the next one, and the agent sees one
answer.
"""

import asyncio
import json
from decimal import Decimal

import pytest

from domain.money import Amount
from tests.gateways import PATHS, honest_body, post, send, world
from tests.provider_double import Act, Provider, Seen
from tests.providers import answering, fixed

KEYS = {"main": "sk-main-1c9b4a7de02f3851", "spare": "sk-spare-77d20b1fae94c636"}
QUOTA = json.dumps({"error": {"message": "You exceeded your current quota.", "type": "insufficient_quota"}}).encode()


def refuses_main(status: int, *headers: str) -> Act:
    """Refuse every call with the first key."""
    refuse, answer = fixed(status, QUOTA, *headers), answering()

    async def act(double: Provider, writer: asyncio.StreamWriter, seen: Seen) -> None:
        main = seen.headers["authorization"] == f"Bearer {KEYS['main']}"
        await (refuse if main else answer)(double, writer, seen)

    return act


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [429, 402, 401, 403])
async def test_the_agent_sees_the_answer_of_the_account_that_answers(status: int, stream: bool) -> None:
    async with world(refuses_main(status, "retry-after: 90"), keys=KEYS) as at:
        answer = await send(at.gateway, post(PATHS["chat"], {**honest_body("chat"), "stream": stream}))
    assert answer.status == 200
    assert at.account.asked == ["main", "spare"]
    refused, answered = at.account.calls[0].snapshot, at.account.calls[1].snapshot
    assert (refused.outcome != "answered", answered.outcome) == (True, "answered")
    assert refused.retry_after_s == 90.0
    assert refused.cost == Amount(Decimal(0), 0)
    assert at.spending.calls_open == 0
    assert at.spending.open == Amount(Decimal(0), 0)
    assert not any(key in answer.raw.decode() for key in KEYS.values())


async def test_control_the_last_account_s_refusal_reaches_the_agent() -> None:
    async with world(fixed(429, QUOTA), keys=KEYS) as at:
        answer = await send(at.gateway, post(PATHS["chat"], honest_body("chat")))
    assert answer.status == 429
    assert at.account.asked == ["main", "spare"]


async def test_a_fault_that_is_not_the_account_s_is_passed_on() -> None:
    async with world(fixed(400, b'{"error": {"message": "no such field"}}'), keys=KEYS) as at:
        answer = await send(at.gateway, post(PATHS["chat"], honest_body("chat")))
    assert (answer.status, at.account.asked) == (400, ["main"])


async def test_control_one_key_is_asked_once() -> None:
    async with world(fixed(429, QUOTA)) as at:
        answer = await send(at.gateway, post(PATHS["chat"], honest_body("chat")))
    assert (answer.status, at.account.asked) == (429, [""])
