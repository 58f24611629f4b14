"""The charge for each call through the model gateway, if the provider, the agent or the connection ends the call early,
and if the provider reports no usage or wrong usage.
"""

import asyncio
import json

import pytest

from agents.gateway.refusals import WireName
from domain.money import Amount
from tests.attacks.gateway_agents import SMALL, request, until_used_up, within
from tests.gateways import PATHS, RATES, World, connected, send, world
from tests.provider_double import Provider, Seen, wire_of
from tests.providers import answering, body, cut_after, endless, fixed, usage, write
from tests.tiers import CI


@pytest.mark.parametrize("events", [pytest.param(number, marks=CI if number % 3 else []) for number in range(6)])
@pytest.mark.parametrize("wire", PATHS)
async def test_a_stream_cut_after_any_event_costs_its_bound_or_its_reported_usage(wire: WireName, events: int) -> None:
    async with world(cut_after(events), reservation=SMALL) as made:
        answer = await send(made.gateway, request(wire))
        snapshot = made.account.calls[0].snapshot
        assert answer.whole == (snapshot.outcome == "answered")
        if snapshot.cost is None:
            assert not answer.whole
            assert made.account.attempt.charged.tokens > 500  # the bound, with the 200 tokens that were asked for
        await until_used_up(made, request(wire))
        within(made)


@pytest.mark.parametrize("wire", PATHS)
async def test_a_whole_answer_that_is_cut_costs_its_bound(wire: WireName) -> None:
    async with world(cut_after(3), reservation=SMALL) as made:
        answer = await send(made.gateway, request(wire, stream=False))
        assert answer.status == 502
        assert made.account.calls[0].snapshot.cost is None
        within(made)


async def test_an_answer_without_usage_is_estimated_and_marked() -> None:
    async with world(answering("words " * 30, counted=False), model="plain-model") as made:
        for stream in (False, True):
            assert (await send(made.gateway, request("chat", stream=stream))).status == 200
        for call in made.account.calls.values():
            assert call.snapshot.estimated
            assert call.snapshot.cost is not None
            assert call.snapshot.cost.tokens > 60
            assert call.snapshot.cost.tokens < 500


async def test_without_usage_a_model_that_may_think_unseen_costs_its_bound() -> None:
    async with world(answering(counted=False), reservation=SMALL, model="o3-mini") as made:
        assert (await send(made.gateway, request("chat"))).status == 200
        assert made.account.calls[0].snapshot.cost is None


async def test_usage_of_zero_is_not_believed() -> None:
    zero = json.dumps(body("chat", "x" * 3000, usage("chat", 0, 0))).encode()
    async with world(fixed(200, zero)) as made:
        assert (await send(made.gateway, request("chat", stream=False))).status == 200
        assert made.account.calls[0].snapshot.estimated
        assert made.account.attempt.charged.tokens > 1000


async def test_tokens_written_to_a_cache_are_bounded_and_charged_at_their_price() -> None:
    async def writes(double: Provider, writer: asyncio.StreamWriter, seen: Seen) -> None:
        del seen
        counts = {"input_tokens": 10, "cache_creation_input_tokens": 400, "cache_read_input_tokens": 90}
        double.billed_tokens += 500 + 12
        write(writer, 200, json.dumps(body("messages", "x", {**counts, "output_tokens": 12})).encode())

    async with world(writes, reservation=SMALL) as made:
        await send(made.gateway, request("messages", stream=False))
        expected = (500 * RATES.input_usd + 100 * RATES.input_usd + 12 * RATES.output_usd) / 1_000_000
        assert made.account.attempt.charged == Amount(expected, 512)
        await until_used_up(made, request("messages", stream=False))
        within(made)


async def _hang_up_after(bytes_read: int, made: World) -> None:
    """Ask for an answer, and break the connection after some bytes of it, or at once."""
    reader, writer, serving = await connected(made.gateway)
    writer.write(request("chat"))
    if bytes_read:
        await reader.read(bytes_read)
    else:
        await asyncio.sleep(0)
    writer.transport.abort()
    await serving


@pytest.mark.parametrize("bytes_read", [0, 1, 300])
async def test_an_agent_that_hangs_up_pays_for_what_was_made(bytes_read: int) -> None:
    async with world(answering("text " * 5000), reservation=SMALL) as made:
        await asyncio.gather(*(_hang_up_after(bytes_read, made) for _ in range(50)))
        assert made.account.calls or not bytes_read, "control: calls were made"
        assert all(call.snapshot.cost is not None for call in made.account.calls.values())  # read to the end, or free
        within(made)


@pytest.mark.parametrize("status", [400, 404, 408, 413, 429, 500, 503, 529])
async def test_an_error_of_the_provider_costs_nothing_and_is_passed_on(status: int) -> None:
    told = json.dumps({"error": {"message": "no", "type": "x", "code": "context_length_exceeded"}}).encode()
    async with world(fixed(status, told, "Retry-After: 7"), reservation=SMALL, calls_max=5) as made:
        answers = await until_used_up(made, request("chat"))
        assert [answer.status for answer in answers] == [status] * 5 + [402]
        assert answers[0].json == json.loads(told)
        assert answers[0].headers["retry-after"] == "7"
        assert answers[-1].json["error"]["code"] == "calls_used_up"
        assert made.account.attempt.charged.usd == 0
        within(made)


async def test_a_call_that_never_reached_the_server_costs_nothing() -> None:
    async with world(answering(), base_url="http://127.0.0.1:9", reservation=SMALL) as made:
        answer = await send(made.gateway, request("chat"))
        assert answer.status == 502
        assert answer.json["error"]["code"] == "connection"
        assert made.account.calls[0].snapshot.cost == Amount()


async def test_a_server_that_does_not_answer_in_time_costs_the_bound() -> None:
    async def hang(double: Provider, writer: asyncio.StreamWriter, seen: Seen) -> None:
        del double, writer, seen
        await asyncio.sleep(30)

    async with world(hang, wall_s=0.3, reservation=SMALL) as made:
        answer = await send(made.gateway, request("chat"))
        assert answer.status == 504
        assert made.account.calls[0].snapshot.cost is None
        assert made.account.attempt.charged.tokens > 500


async def test_a_gateway_that_is_stopped_settles_its_open_calls_at_their_bounds() -> None:
    async with world(endless(), reservation=SMALL, output_tokens_max=10**6) as made:
        reader, writer, serving = await connected(made.gateway)
        writer.write(request("chat"))
        await reader.read(100)
        serving.cancel()
        await asyncio.wait({serving})
        writer.transport.abort()
        assert made.account.calls[0].snapshot.outcome == "cancelled"
        assert made.account.calls[0].snapshot.cost is None
        within(made)


@pytest.mark.parametrize("wire", PATHS)
async def test_usage_is_read_from_streams_and_whole_answers_alike(wire: WireName) -> None:
    for stream in (False, True):
        async with world(answering(made=33)) as made:
            await send(made.gateway, request(wire, stream=stream))
            snapshot = made.account.calls[0].snapshot
            assert snapshot.output_tokens == 33
            assert snapshot.input_tokens == made.provider.seen[0].input_tokens
            assert snapshot.model_reported == "served"
            assert not snapshot.estimated
            assert wire_of(made.provider.seen[0]) == wire


async def test_usage_is_asked_for_and_shown_only_to_an_agent_that_asked() -> None:
    async with world(answering()) as made:
        silent = await send(made.gateway, request("chat"))
        told = await send(made.gateway, request("chat", stream_options={"include_usage": True}))
        assert [seen.body["stream_options"] for seen in made.provider.seen] == [{"include_usage": True}] * 2
        assert b'"usage"' not in silent.body
        assert b'"usage"' in told.body
        assert silent.body.endswith(b"data: [DONE]\n\n")
