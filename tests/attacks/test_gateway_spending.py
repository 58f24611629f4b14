"""Attempts to spend past the cap through the model gateway: 0 exceed it. After each attempt two accounts are compared
with the reservation: that of the manager (charges and open bounds), and the bill of the provider.
"""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from agents.gateway.refusals import WireName
from domain.money import Amount
from tests.attacks.gateway_fields import IMAGE
from tests.gateways import (
    PATHS,
    RATES,
    Account,
    Act,
    Answered,
    Provider,
    Seen,
    World,
    honest_body,
    output_limit,
    post,
    wire_of,
    world,
)
from tests.gateways import send as send_one
from tests.providers import answering, body, cut_after, endless, fixed, usage, write

SMALL = Amount(Decimal("0.05"), 12_000)
"""A reservation for a few calls."""
STREAMS: dict[WireName, str] = PATHS | {"gemini": "/v1beta/models/some-model:streamGenerateContent?alt=sse"}


def _request(wire: WireName, *, stream: bool = True, **fields: Any) -> bytes:
    asked = {**honest_body(wire), **fields}
    if stream and wire != "gemini":
        asked["stream"] = True
    return post(STREAMS[wire] if stream else PATHS[wire], asked)


def _slow(wait_s: float) -> Act:
    async def act(double: Provider, writer: asyncio.StreamWriter, seen: Seen) -> None:
        await asyncio.sleep(wait_s)
        await answering()(double, writer, seen)

    return act


def _within(made: World, reservation: Amount = SMALL) -> None:
    """Check that neither account exceeds the reservation, at the end and at any time before."""
    account = made.account
    assert account.attempt.open == {}
    assert account.attempt.charged.fits(reservation)
    assert account.worst.usd >= 0
    assert account.worst.tokens >= 0
    assert made.provider.billed_tokens <= reservation.tokens
    assert made.provider.billed_tokens <= account.attempt.charged.tokens
    assert made.spending.charged == account.attempt.charged


async def _until_used_up(made: World, request: bytes, *, calls_max: int = 200) -> list[Answered]:
    """Send a request again and again until it is refused, as a greedy agent does."""
    answers = []
    for _ in range(calls_max):
        answers.append(await send_one(made.gateway, request))
        if answers[-1].status == 402:
            break
    return answers


@pytest.mark.parametrize("wire", PATHS)
async def test_a_greedy_agent_is_stopped_with_402_in_its_wire_format(wire: WireName) -> None:
    async with world(answering(), reservation=SMALL) as made:
        answers = await _until_used_up(made, _request(wire))
        assert answers[0].status == 200
        assert answers[-1].status == 402
        told = answers[-1].json["error"]
        assert "The budget of this attempt is used up" in told["message"]
        assert "Hand in your work now" in told["message"]
        named = {"messages": told.get("type"), "gemini": told.get("status")}.get(wire, told.get("code"))
        assert named in ("billing_error", "RESOURCE_EXHAUSTED", "reservation_used_up")
        _within(made)


@pytest.mark.parametrize("wire", PATHS)
async def test_the_cap_holds_to_the_cent_when_the_provider_never_stops(wire: WireName) -> None:
    async with world(endless(), reservation=SMALL, output_tokens_max=300) as made:
        answers = await _until_used_up(made, _request(wire))
        assert not answers[0].whole
        assert answers[-1].status == 402
        calls = list(made.account.calls.values())
        assert all(call.snapshot.outcome == "too_large" and call.snapshot.cost is None for call in calls)
        _within(made)
        assert len(calls) >= 3  # control: calls were made until nothing was left


async def test_one_call_never_gets_more_output_than_is_left() -> None:
    async with world(answering(made=10**6), reservation=SMALL, output_tokens_max=10**6) as made:
        answers = await _until_used_up(made, _request("chat", max_tokens=10**6))
        limits = [output_limit(seen) for seen in made.provider.seen]
        assert limits[0] < SMALL.tokens
        assert limits == sorted(limits, reverse=True)
        assert answers[-1].status == 402
        _within(made)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_each_name_of_the_limit_is_clamped(name: str) -> None:
    async with world(answering(made=10**6), output_tokens_max=500) as made:
        asked = {**honest_body("chat"), "max_tokens": None, name: 10**9}
        assert (await send_one(made.gateway, post(PATHS["chat"], asked))).status == 200
        assert output_limit(made.provider.seen[0]) == 500
        less = {**asked, name: 7}
        assert (await send_one(made.gateway, post(PATHS["chat"], less))).status == 200
        assert output_limit(made.provider.seen[1]) == 7


async def test_two_names_with_two_limits_become_the_smaller_one() -> None:
    async with world(answering()) as made:
        asked = {**honest_body("chat"), "max_tokens": 10**6, "max_completion_tokens": 50}
        await send_one(made.gateway, post(PATHS["chat"], asked))
        body = made.provider.seen[0].body
        assert (body.get("max_tokens"), body.get("max_completion_tokens")) == (None, 50)


async def test_50_requests_at_once_share_one_reservation() -> None:
    little = Amount(Decimal("0.05"), 4000)
    async with world(_slow(0.05), reservation=little) as made:
        answers = await asyncio.gather(*(send_one(made.gateway, _request("chat")) for _ in range(50)))
        granted = [answer for answer in answers if answer.status == 200]
        assert {answer.status for answer in answers} == {200, 402}
        assert len(granted) == len(made.account.calls) == len(made.provider.seen)
        assert made.provider.most_at_once > 1
        _within(made, little)


async def test_50_requests_at_once_all_pass_if_the_reservation_is_enough_for_their_real_costs() -> None:
    """The control: their bounds do not fit all at once, so most of them wait until others give back their rest."""
    enough = Amount(Decimal("0.20"), 60_000)
    async with world(answering(), reservation=enough) as made:
        answers = await asyncio.gather(*(send_one(made.gateway, _request("chat")) for _ in range(50)))
        assert [(answer.status, answer.body) for answer in answers if answer.status != 200] == []
        assert made.provider.most_at_once < 50
        _within(made, enough)


async def test_50_endless_requests_at_once_stay_within_the_cap() -> None:
    async with world(endless(), reservation=SMALL, output_tokens_max=100) as made:
        answers = await asyncio.gather(*(send_one(made.gateway, _request("chat")) for _ in range(50)))
        assert 402 in {answer.status for answer in answers}
        _within(made)


async def test_a_request_that_waits_too_long_for_room_is_told_to_ask_again() -> None:
    async with world(_slow(1), reservation=Amount(Decimal("0.01"), 3000), wait_s=0.1) as made:
        answers = await asyncio.gather(*(send_one(made.gateway, _request("chat")) for _ in range(3)))
        assert sorted(answer.status for answer in answers)[:2] == [200, 429]
        assert next(answer for answer in answers if answer.status == 429).headers["retry-after"] == "10"


@pytest.mark.parametrize("events", range(6))
@pytest.mark.parametrize("wire", PATHS)
async def test_a_stream_cut_after_any_event_costs_its_bound_or_its_reported_usage(wire: WireName, events: int) -> None:
    async with world(cut_after(events), reservation=SMALL) as made:
        answer = await send_one(made.gateway, _request(wire))
        snapshot = made.account.calls[0].snapshot
        assert answer.whole == (snapshot.outcome == "answered")
        if snapshot.cost is None:
            assert not answer.whole
            assert made.account.attempt.charged.tokens > 500  # the bound, with the 200 tokens that were asked for
        await _until_used_up(made, _request(wire))
        _within(made)


@pytest.mark.parametrize("wire", PATHS)
async def test_a_whole_answer_that_is_cut_costs_its_bound(wire: WireName) -> None:
    async with world(cut_after(3), reservation=SMALL) as made:
        answer = await send_one(made.gateway, _request(wire, stream=False))
        assert answer.status == 502
        assert made.account.calls[0].snapshot.cost is None
        _within(made)


async def test_an_answer_without_usage_is_estimated_and_marked() -> None:
    async with world(answering("words " * 30, counted=False), model="plain-model") as made:
        for stream in (False, True):
            assert (await send_one(made.gateway, _request("chat", stream=stream))).status == 200
        for call in made.account.calls.values():
            assert call.snapshot.estimated
            assert call.snapshot.cost is not None
            assert call.snapshot.cost.tokens > 60
            assert call.snapshot.cost.tokens < 500


async def test_without_usage_a_model_that_may_think_unseen_costs_its_bound() -> None:
    async with world(answering(counted=False), reservation=SMALL, model="o3-mini") as made:
        assert (await send_one(made.gateway, _request("chat"))).status == 200
        assert made.account.calls[0].snapshot.cost is None


async def test_usage_of_zero_is_not_believed() -> None:
    zero = json.dumps(body("chat", "x" * 3000, usage("chat", 0, 0))).encode()
    async with world(fixed(200, zero)) as made:
        assert (await send_one(made.gateway, _request("chat", stream=False))).status == 200
        assert made.account.calls[0].snapshot.estimated
        assert made.account.attempt.charged.tokens > 1000


async def test_text_in_which_each_byte_is_a_token_stays_within_the_cap() -> None:
    async def dear(double: Provider, writer: asyncio.StreamWriter, seen: Seen) -> None:
        asked = len(seen.raw.partition(b"\r\n\r\n")[2])
        double.billed_tokens += asked + 12
        write(writer, 200, json.dumps(body("chat", "x", usage("chat", asked, 12))).encode())

    async with world(dear, reservation=SMALL) as made:
        text = "\N{OGHAM LETTER BEITH}" * 500
        asked = _request("chat", stream=False, messages=[{"role": "user", "content": text}])
        await _until_used_up(made, asked)
        assert len(made.account.calls) >= 3
        _within(made)


async def test_an_image_of_few_bytes_is_bounded_by_its_most_expensive_price() -> None:
    async def dear(double: Provider, writer: asyncio.StreamWriter, seen: Seen) -> None:
        asked = 36_835 * seen.raw.count(b"image_url") // 2 + 100
        double.billed_tokens += asked + 12
        write(writer, 200, json.dumps(body("chat", "x", usage("chat", asked, 12))).encode())

    reservation = Amount(Decimal("0.50"), 150_000)
    part = {"type": "image_url", "image_url": {"url": IMAGE}}
    async with world(dear, reservation=reservation) as made:
        asked = _request("chat", stream=False, messages=[{"role": "user", "content": [part]}])
        answers = await _until_used_up(made, asked)
        assert [answer.status for answer in answers] == [200, 200, 200, 402]
        _within(made, reservation)


async def test_tokens_written_to_a_cache_are_bounded_and_charged_at_their_price() -> None:
    async def writes(double: Provider, writer: asyncio.StreamWriter, seen: Seen) -> None:
        del seen
        counts = {"input_tokens": 10, "cache_creation_input_tokens": 400, "cache_read_input_tokens": 90}
        double.billed_tokens += 500 + 12
        write(writer, 200, json.dumps(body("messages", "x", {**counts, "output_tokens": 12})).encode())

    async with world(writes, reservation=SMALL) as made:
        await send_one(made.gateway, _request("messages", stream=False))
        expected = (500 * RATES.input_usd + 100 * RATES.input_usd + 12 * RATES.output_usd) / 1_000_000
        assert made.account.attempt.charged == Amount(expected, 512)
        await _until_used_up(made, _request("messages", stream=False))
        _within(made)


def _gone_after(bytes_read: int) -> Callable[[World], Awaitable[None]]:
    async def leave(made: World) -> None:
        theirs, ours = socket.socketpair()
        ours.setblocking(False)
        serving = asyncio.ensure_future(made.gateway.serve(ours))
        reader, writer = await asyncio.open_unix_connection(sock=theirs)
        writer.write(_request("chat"))
        if bytes_read:
            await reader.read(bytes_read)
        else:
            await asyncio.sleep(0)
        writer.transport.abort()
        await serving

    return leave


@pytest.mark.parametrize("bytes_read", [0, 1, 300])
async def test_an_agent_that_hangs_up_pays_for_what_was_made(bytes_read: int) -> None:
    async with world(answering("text " * 5000), reservation=SMALL) as made:
        await asyncio.gather(*(_gone_after(bytes_read)(made) for _ in range(50)))
        assert all(call.snapshot.cost is not None for call in made.account.calls.values())  # read to the end, or free
        _within(made)


@pytest.mark.parametrize("status", [400, 404, 408, 413, 429, 500, 503, 529])
async def test_an_error_of_the_provider_costs_nothing_and_is_passed_on(status: int) -> None:
    told = json.dumps({"error": {"message": "no", "type": "x", "code": "context_length_exceeded"}}).encode()
    async with world(fixed(status, told, "Retry-After: 7"), reservation=SMALL, calls_max=5) as made:
        answers = await _until_used_up(made, _request("chat"))
        assert [answer.status for answer in answers] == [status] * 5 + [402]
        assert answers[0].json == json.loads(told)
        assert answers[0].headers["retry-after"] == "7"
        assert answers[-1].json["error"]["code"] == "calls_used_up"
        assert made.account.attempt.charged.usd == 0
        _within(made)


async def test_a_call_that_never_reached_the_server_costs_nothing() -> None:
    async with world(answering(), base_url="http://127.0.0.1:9", reservation=SMALL) as made:
        answer = await send_one(made.gateway, _request("chat"))
        assert answer.status == 502
        assert answer.json["error"]["code"] == "connection"
        assert made.account.calls[0].snapshot.cost == Amount()


async def test_a_server_that_does_not_answer_in_time_costs_the_bound() -> None:
    async def hang(double: Provider, writer: asyncio.StreamWriter, seen: Seen) -> None:
        del double, writer, seen
        await asyncio.sleep(30)

    async with world(hang, wall_s=0.3, reservation=SMALL) as made:
        answer = await send_one(made.gateway, _request("chat"))
        assert answer.status == 504
        assert made.account.calls[0].snapshot.cost is None
        assert made.account.attempt.charged.tokens > 500


async def test_a_gateway_that_is_stopped_settles_its_open_calls_at_their_bounds() -> None:
    async with world(endless(), reservation=SMALL, output_tokens_max=10**6) as made:
        theirs, ours = socket.socketpair()
        ours.setblocking(False)
        serving = asyncio.ensure_future(made.gateway.serve(ours))
        reader, writer = await asyncio.open_unix_connection(sock=theirs)
        writer.write(_request("chat"))
        await reader.read(100)
        serving.cancel()
        await asyncio.wait({serving})
        writer.transport.abort()
        assert made.account.calls[0].snapshot.outcome == "cancelled"
        assert made.account.calls[0].snapshot.cost is None
        _within(made)


async def test_an_unknown_price_means_no_call() -> None:
    async with world(answering(), price="genai-prices") as made:
        answer = await send_one(made.gateway, _request("chat"))
        assert answer.status == 403
        assert answer.json["error"]["code"] == "price_unknown"
        assert made.provider.seen == []


async def test_a_permit_that_is_refused_stops_the_request_before_the_provider() -> None:
    async with world(answering(), reservation=SMALL) as made:
        made.gateway._permit = Account(Amount())  # the manager knows less budget than the worker
        answer = await send_one(made.gateway, _request("chat"))
        assert answer.status == 402
        assert made.gateway.call_refused is not None
        assert made.gateway.call_refused.code == "reservation_used_up"
        assert made.provider.seen == []
        assert made.spending.left == SMALL


@pytest.mark.parametrize("wire", PATHS)
async def test_usage_is_read_from_streams_and_whole_answers_alike(wire: WireName) -> None:
    for stream in (False, True):
        async with world(answering(made=33)) as made:
            await send_one(made.gateway, _request(wire, stream=stream))
            snapshot = made.account.calls[0].snapshot
            assert snapshot.output_tokens == 33
            assert snapshot.input_tokens == made.provider.seen[0].input_tokens
            assert snapshot.model_reported == "served"
            assert not snapshot.estimated
            assert wire_of(made.provider.seen[0]) == wire


async def test_usage_is_asked_for_and_shown_only_to_an_agent_that_asked() -> None:
    async with world(answering()) as made:
        silent = await send_one(made.gateway, _request("chat"))
        told = await send_one(made.gateway, _request("chat", stream_options={"include_usage": True}))
        assert [seen.body["stream_options"] for seen in made.provider.seen] == [{"include_usage": True}] * 2
        assert b'"usage"' not in silent.body
        assert b'"usage"' in told.body
        assert silent.body.endswith(b"data: [DONE]\n\n")


def _acts() -> list[Act]:
    return [answering(), answering(counted=False), endless(), cut_after(1), cut_after(4), fixed(500, b"{}")]


@pytest.mark.parametrize("seed", range(4))
async def test_many_agents_with_mixed_luck_never_exceed_the_cap(seed: int) -> None:
    import random

    chance = random.Random(seed)
    acts = _acts()

    async def act(double: Provider, writer: asyncio.StreamWriter, seen: Seen) -> None:
        await chance.choice(acts)(double, writer, seen)

    async with world(act, reservation=SMALL, output_tokens_max=200) as made:
        wires = list(PATHS)
        for _ in range(3):
            await asyncio.gather(
                *(
                    send_one(made.gateway, _request(chance.choice(wires), stream=chance.random() < 0.7))
                    for _ in range(20)
                )
            )
        assert made.account.attempt.charged.fits(SMALL)
        assert made.account.worst.usd >= 0
        assert made.account.worst.tokens >= 0
        assert made.account.attempt.open == {}
