"""Attempts to spend past the cap through the model gateway: 0 exceed it. After each attempt two accounts are compared
with the reservation: that of the manager (charges and open bounds), and the bill of the provider.
"""

import asyncio
import json
import random
from decimal import Decimal

import pytest

from agents.gateway.refusals import WireName
from domain.money import Amount
from tests.attacks.gateway_agents import SMALL, request, slow, until_used_up, within
from tests.attacks.gateway_fields import IMAGE
from tests.gateways import PATHS, Account, honest_body, post, send, world
from tests.provider_double import Act, Provider, Seen, output_limit
from tests.providers import answering, body, cut_after, endless, fixed, usage, write
from tests.tiers import CI, every_second


@pytest.mark.parametrize("wire", PATHS)
async def test_a_greedy_agent_is_stopped_with_402_in_its_wire_format(wire: WireName) -> None:
    async with world(answering(), reservation=SMALL) as made:
        answers = await until_used_up(made, request(wire))
        assert answers[0].status == 200
        assert answers[-1].status == 402
        told = answers[-1].json["error"]
        assert "The budget of this attempt is used up" in told["message"]
        assert "Hand in your work now" in told["message"]
        named = {"messages": told.get("type"), "gemini": told.get("status")}.get(wire, told.get("code"))
        assert named in ("billing_error", "RESOURCE_EXHAUSTED", "reservation_used_up")
        within(made)


@pytest.mark.parametrize("wire", every_second(PATHS))
async def test_the_cap_holds_to_the_cent_when_the_provider_never_stops(wire: WireName) -> None:
    async with world(endless(), reservation=SMALL, output_tokens_max=300) as made:
        answers = await until_used_up(made, request(wire))
        assert not answers[0].whole
        assert answers[-1].status == 402
        calls = list(made.account.calls.values())
        assert all(call.snapshot.outcome == "too_large" and call.snapshot.cost is None for call in calls)
        within(made)
        assert len(calls) >= 3  # control: calls were made until nothing was left


async def test_one_call_never_gets_more_output_than_is_left() -> None:
    async with world(answering(made=10**6), reservation=SMALL, output_tokens_max=10**6) as made:
        answers = await until_used_up(made, request("chat", max_tokens=10**6))
        limits = [output_limit(seen) for seen in made.provider.seen]
        assert limits[0] < SMALL.tokens
        assert limits == sorted(limits, reverse=True)
        assert answers[-1].status == 402
        within(made)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_each_name_of_the_limit_is_clamped(name: str) -> None:
    async with world(answering(made=10**6), output_tokens_max=500) as made:
        asked = {**honest_body("chat"), "max_tokens": None, name: 10**9}
        assert (await send(made.gateway, post(PATHS["chat"], asked))).status == 200
        assert output_limit(made.provider.seen[0]) == 500
        less = {**asked, name: 7}
        assert (await send(made.gateway, post(PATHS["chat"], less))).status == 200
        assert output_limit(made.provider.seen[1]) == 7


async def test_two_names_with_two_limits_become_the_smaller_one() -> None:
    async with world(answering()) as made:
        asked = {**honest_body("chat"), "max_tokens": 10**6, "max_completion_tokens": 50}
        await send(made.gateway, post(PATHS["chat"], asked))
        body = made.provider.seen[0].body
        assert (body.get("max_tokens"), body.get("max_completion_tokens")) == (None, 50)


async def test_50_requests_at_once_share_one_reservation() -> None:
    little = Amount(Decimal("0.05"), 4000)
    async with world(slow(0.05), reservation=little) as made:
        answers = await asyncio.gather(*(send(made.gateway, request("chat")) for _ in range(50)))
        granted = [answer for answer in answers if answer.status == 200]
        assert {answer.status for answer in answers} == {200, 402}
        assert len(granted) == len(made.account.calls) == len(made.provider.seen)
        assert made.provider.most_at_once > 1
        within(made, little)


async def test_50_requests_at_once_all_pass_if_the_reservation_is_enough_for_their_real_costs() -> None:
    """The control: their bounds do not fit all at once, so most of them wait until others give back their rest."""
    enough = Amount(Decimal("0.20"), 60_000)
    async with world(answering(), reservation=enough) as made:
        answers = await asyncio.gather(*(send(made.gateway, request("chat")) for _ in range(50)))
        assert [(answer.status, answer.body) for answer in answers if answer.status != 200] == []
        assert made.provider.most_at_once < 50
        within(made, enough)


async def test_endless_requests_at_once_stay_within_the_cap() -> None:
    async with world(endless(), reservation=SMALL, output_tokens_max=100) as made:
        answers = await asyncio.gather(*(send(made.gateway, request("chat")) for _ in range(20)))
        assert 402 in {answer.status for answer in answers}
        within(made)


async def test_a_request_that_waits_too_long_for_room_is_told_to_ask_again() -> None:
    async with world(slow(0.4), reservation=Amount(Decimal("0.01"), 3000), wait_s=0.1) as made:
        answers = await asyncio.gather(*(send(made.gateway, request("chat")) for _ in range(3)))
        assert sorted(answer.status for answer in answers)[:2] == [200, 429]
        assert next(answer for answer in answers if answer.status == 429).headers["retry-after"] == "10"


async def test_text_in_which_each_byte_is_a_token_stays_within_the_cap() -> None:
    async def dear(double: Provider, writer: asyncio.StreamWriter, seen: Seen) -> None:
        asked = len(seen.raw.partition(b"\r\n\r\n")[2])
        double.billed_tokens += asked + 12
        write(writer, 200, json.dumps(body("chat", "x", usage("chat", asked, 12))).encode())

    async with world(dear, reservation=SMALL) as made:
        text = "\N{OGHAM LETTER BEITH}" * 500
        asked = request("chat", stream=False, messages=[{"role": "user", "content": text}])
        await until_used_up(made, asked)
        assert len(made.account.calls) >= 3
        within(made)


async def test_an_image_of_few_bytes_is_bounded_by_its_most_expensive_price() -> None:
    async def dear(double: Provider, writer: asyncio.StreamWriter, seen: Seen) -> None:
        asked = 36_835 * seen.raw.count(b"image_url") // 2 + 100
        double.billed_tokens += asked + 12
        write(writer, 200, json.dumps(body("chat", "x", usage("chat", asked, 12))).encode())

    reservation = Amount(Decimal("0.50"), 150_000)
    part = {"type": "image_url", "image_url": {"url": IMAGE}}
    async with world(dear, reservation=reservation) as made:
        asked = request("chat", stream=False, messages=[{"role": "user", "content": [part]}])
        answers = await until_used_up(made, asked)
        assert [answer.status for answer in answers] == [200, 200, 200, 402]
        within(made, reservation)


async def test_an_unknown_price_means_no_call() -> None:
    async with world(answering(), price="genai-prices") as made:
        answer = await send(made.gateway, request("chat"))
        assert answer.status == 403
        assert answer.json["error"]["code"] == "price_unknown"
        assert made.provider.seen == []


async def test_a_permit_that_is_refused_stops_the_request_before_the_provider() -> None:
    async with world(answering(), reservation=SMALL) as made:
        made.gateway._permit = Account(Amount())  # the manager knows less budget than the worker
        answer = await send(made.gateway, request("chat"))
        assert answer.status == 402
        assert made.gateway.call_refused is not None
        assert made.gateway.call_refused.code == "reservation_used_up"
        assert made.provider.seen == []
        assert made.spending.left == SMALL


def _acts() -> list[Act]:
    return [answering(), answering(counted=False), endless(), cut_after(1), cut_after(4), fixed(500, b"{}")]


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=CI) for seed in range(1, 4))])
async def test_many_agents_with_mixed_luck_never_exceed_the_cap(seed: int) -> None:
    chance = random.Random(seed)
    acts = _acts()

    async def act(double: Provider, writer: asyncio.StreamWriter, seen: Seen) -> None:
        await chance.choice(acts)(double, writer, seen)

    async with world(act, reservation=SMALL, output_tokens_max=200) as made:
        wires = list(PATHS)
        for _ in range(3):
            await asyncio.gather(
                *(send(made.gateway, request(chance.choice(wires), stream=chance.random() < 0.7)) for _ in range(20))
            )
        assert made.account.attempt.charged.fits(SMALL)
        assert made.account.worst.usd >= 0
        assert made.account.worst.tokens >= 0
        assert made.account.attempt.open == {}
