"""Attempts to leave a box through the model gateway: 0 get out. The controls show that the honest forms pass, and that
the attacks reach a server that nothing protects.
"""

import asyncio
import gzip
import json
from typing import Any

import pytest

from agents.gateway import limits
from agents.gateway.refusals import WireName
from tests.attacks import gateway_bytes, gateway_fields
from tests.attacks.gateway_fields import CANARY, changed
from tests.gateways import MODEL, PATHS, SECRET, Answered, connected, parsed, post, send, world
from tests.provider_double import Provider, Seen, provider
from tests.providers import answering, begin, chunk, fixed, last, raw, write

PER_WORLD = 12
"""Rows that share one gateway, because a new one for each row takes longer than the row."""


def _groups(rows: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    return [rows[at : at + PER_WORLD] for at in range(0, len(rows), PER_WORLD)]


async def _direct(double: Provider, content: bytes) -> None:
    """Send the bytes to the provider itself, as an attack without a gateway would."""
    reader, writer = await asyncio.open_connection("127.0.0.1", double.port)
    writer.write(content)
    await reader.readline()
    writer.close()


def test_the_corpus_has_at_least_200_attempts() -> None:
    rows = (gateway_fields.REFUSED, gateway_fields.REMOVED, gateway_bytes.ROUTES, gateway_bytes.HEADERS)
    more = (gateway_bytes.FRAMING, gateway_bytes.SIZES, gateway_bytes.JSON)
    assert sum(map(len, rows + more)) >= 200


@pytest.mark.parametrize("rows", _groups(gateway_fields.REFUSED), ids=lambda rows: rows[0][0])
async def test_a_field_that_would_open_the_box_is_refused(rows: tuple[gateway_fields.Row, ...]) -> None:
    async with world(answering()) as made:
        for name, wire, change in rows:
            answer = await send(made.gateway, post(PATHS[wire], changed(wire, change)))
            assert answer.status == 400, name
            assert _message(answer, wire).startswith("The gateway does not allow"), name
        assert made.provider.seen == []
        assert made.account.calls == {}


@pytest.mark.parametrize("rows", _groups(gateway_fields.REFUSED), ids=lambda rows: rows[0][0])
async def test_without_the_gateway_each_of_these_fields_reaches_the_provider(
    rows: tuple[gateway_fields.Row, ...],
) -> None:
    async with provider(answering()) as double:
        for name, wire, change in rows:
            await _direct(double, post(PATHS[wire], changed(wire, change)))
            assert double.seen[-1].body == changed(wire, change), name


async def test_an_unknown_field_is_removed_and_noted() -> None:
    for name, wire, change in gateway_fields.REMOVED:
        async with world(answering()) as made:
            answer = await send(made.gateway, post(PATHS[wire], changed(wire, change)))
            assert answer.status == 200, name
            assert not made.provider.holds(CANARY), name
            if "model" not in change:
                assert made.account.calls[0].snapshot.parameters["removed"], name
            await _direct(made.provider, post(PATHS[wire], changed(wire, change)))
            assert made.provider.holds(CANARY), f"control of {name}"


@pytest.mark.parametrize("row", gateway_fields.USED, ids=lambda row: row[0])
async def test_the_honest_forms_pass(row: gateway_fields.Row) -> None:
    _, wire, change = row
    async with world(answering()) as made:
        answer = await send(made.gateway, post(PATHS[wire], changed(wire, change)))
        assert answer.status == 200
        assert answer.whole
        if wire == "gemini":
            assert f"/{MODEL}:" in made.provider.seen[0].target
        else:
            assert made.provider.seen[0].body["model"] == MODEL


async def test_a_route_that_is_not_on_the_list_is_refused() -> None:
    async with world(answering()) as made:
        for method, target in gateway_bytes.ROUTES:
            request = gateway_bytes.HONEST.replace(
                b"POST " + gateway_bytes.CHAT.encode(), f"{method} {target}".encode()
            )
            answer = await send(made.gateway, request)
            assert 400 <= answer.status < 500, target
            assert json.loads(answer.body)["error"], target
        assert made.provider.seen == []
        assert (await send(made.gateway, gateway_bytes.HONEST)).status == 200


async def test_no_header_of_the_agent_reaches_the_provider() -> None:
    async with world(answering()) as made:
        for header in gateway_bytes.HEADERS:
            answer = await send(made.gateway, post(PATHS["chat"], gateway_bytes.BODY, header))
            assert answer.status == 200, header
            assert not made.provider.holds(CANARY), header
        assert not made.provider.holds("agents-own-key")
        assert all(seen.headers["authorization"] == f"Bearer {SECRET}" for seen in made.provider.seen)
        await _direct(made.provider, post(PATHS["chat"], gateway_bytes.BODY, gateway_bytes.HEADERS[0]))
        assert made.provider.holds(CANARY)
        assert made.provider.holds("agents-own-key")


@pytest.mark.parametrize("rows", _groups(gateway_bytes.FRAMING + gateway_bytes.SIZES), ids=lambda rows: rows[0][0])
async def test_bytes_that_two_parsers_could_read_differently_are_refused(rows: tuple[gateway_bytes.Bytes, ...]) -> None:
    async with world(answering()) as made:
        for name, attack, honest in rows:
            answer = await send(made.gateway, attack, ends=True)
            assert answer.status in range(400, 500), name
            assert answer.body, name
            assert made.provider.seen == [], name
            assert (await send(made.gateway, honest)).status == 200, f"control of {name}"
            made.provider.seen.clear()


async def test_a_second_request_that_comes_later_is_dropped() -> None:
    async with world(answering()) as made:
        reader, writer, serving = await connected(made.gateway)
        writer.write(gateway_bytes.HONEST)
        first = parsed(await reader.readuntil(b"}}"))
        writer.write(gateway_bytes.SECOND)
        assert b"HTTP/1.1" not in await reader.read()
        writer.close()
        await serving
        assert first.status == 200
        assert len(made.provider.seen) == 1
        assert not made.provider.holds(CANARY)
        alone = await send(made.gateway, gateway_bytes.SECOND)
        assert alone.status == 200, "control: on its own connection it passes"
        assert made.provider.holds(CANARY)


@pytest.mark.parametrize("row", gateway_bytes.JSON, ids=lambda row: row[0])
async def test_json_that_two_parsers_could_read_differently_is_refused(row: tuple[str, bytes]) -> None:
    async with world(answering()) as made:
        answer = await send(made.gateway, post(PATHS["chat"], row[1]))
        assert answer.status in (400, 413)
        assert made.provider.seen == []
        assert (await send(made.gateway, gateway_bytes.HONEST)).status == 200


async def test_a_request_that_does_not_arrive_in_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEAD_WAIT_S", 0.1)
    monkeypatch.setattr(limits, "BODY_WAIT_S", 0.1)
    async with world(answering()) as made:
        assert (await send(made.gateway, gateway_bytes.HONEST[:20])).status == 408
        assert (await send(made.gateway, gateway_bytes.HONEST[:-20])).status == 408
        assert (await send(made.gateway, gateway_bytes.HONEST)).status == 200


async def test_bodies_share_a_bounded_memory() -> None:
    async with world(answering()) as made:
        made.gateway._room.left = len(gateway_bytes.BODY) - 1
        assert (await send(made.gateway, gateway_bytes.HONEST)).status == 503
        made.gateway._room.left += 1
        assert (await send(made.gateway, gateway_bytes.HONEST)).status == 200
        assert made.gateway._room.left == len(gateway_bytes.BODY)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with provider(answering()) as elsewhere:
        moved = fixed(status, b"{}", f"Location: {elsewhere.address}/v1/chat/completions")
        async with world(moved) as made:
            answer = await send(made.gateway, gateway_bytes.HONEST)
            assert answer.status == 502
            assert "location" not in answer.headers
            assert elsewhere.connections == 0
            assert made.account.attempt.charged.usd == 0
            await _follow(made.provider.address)  # control: a client that follows redirects arrives there
            assert elsewhere.connections == 1


async def _follow(address: str) -> None:
    import httpx2

    async with httpx2.AsyncClient(trust_env=False, follow_redirects=True) as client:
        await client.post(f"{address}/v1/chat/completions", json={})


def _echo(writer: asyncio.StreamWriter, seen: Seen) -> None:
    told = json.dumps({"error": {"message": f"bad key {seen.headers.get('authorization')}"}}).encode()
    write(writer, 400, told, f"X-Echo: {SECRET}", f"X-Request-Id: {SECRET}")


def _echo_whole(writer: asyncio.StreamWriter, seen: Seen) -> None:
    del seen
    text = {"id": "c", "choices": [{"finish_reason": "stop", "message": {"content": f"the key is {SECRET}"}}]}
    write(writer, 200, json.dumps(text).encode(), f"Set-Cookie: {SECRET}")


def _echo_stream(writer: asyncio.StreamWriter, seen: Seen) -> None:
    begin(writer)
    text = json.dumps({"choices": [{"delta": {"content": f"the key is {SECRET}"}}]}).encode()
    for piece in (b"data: " + text[:30], text[30:60], text[60:] + b"\n\n", *last("chat", seen.input_tokens, 9)):
        writer.write(chunk(piece))
    writer.write(b"0\r\n\r\n")


def _unauthorised(writer: asyncio.StreamWriter, seen: Seen) -> None:
    del seen
    write(writer, 401, json.dumps({"error": {"message": f"Incorrect API key provided: {SECRET[:12]}***"}}).encode())


@pytest.mark.parametrize("echo", [_echo, _echo_whole, _echo_stream, _unauthorised])
@pytest.mark.parametrize("stream", [False, True])
async def test_the_key_never_comes_back(echo: Any, stream: bool) -> None:
    async with world(raw(echo)) as made:
        answer = await send(made.gateway, post(PATHS["chat"], changed("chat", {"stream": stream})))
        assert answer.raw
        assert SECRET not in answer.raw.decode()
        assert SECRET[:12] not in answer.raw.decode()
        record = made.account.calls[0]
        assert SECRET.encode() not in record.request + record.answer
        assert SECRET not in repr(record.snapshot)
        assert made.provider.holds(SECRET)  # control: the provider got the key


async def test_only_listed_headers_of_the_provider_reach_the_agent() -> None:
    headers = ("Set-Cookie: a=b", "X-Other: c", "X-Request-Id: r-1", "Retry-After: 3", "Location: /x", "Alt-Svc: h3")
    body = json.dumps({"choices": [{"finish_reason": "stop", "message": {"content": "x"}}]}).encode()
    async with world(fixed(200, body, *headers)) as made:
        answer = await send(made.gateway, gateway_bytes.HONEST)
        assert set(answer.headers) == {"content-type", "content-length", "connection", "x-request-id", "retry-after"}


async def test_a_bomb_in_the_answer_is_cut_off() -> None:
    bomb = gzip.compress(b" " * 40_000_000)
    async with world(fixed(200, bomb, "Content-Encoding: gzip")) as made:
        answer = await send(made.gateway, gateway_bytes.HONEST)
        assert answer.status == 502
        assert made.account.calls[0].snapshot.outcome == "too_large"
        assert made.account.calls[0].snapshot.cost is None
        assert len(made.account.calls[0].answer) < 2 * limits.MIB


async def test_a_compressed_answer_is_read() -> None:
    body = json.dumps({"choices": [{"finish_reason": "stop", "message": {"content": "x"}}]}).encode()
    async with world(fixed(200, gzip.compress(body), "Content-Encoding: gzip")) as made:
        answer = await send(made.gateway, gateway_bytes.HONEST)
        assert answer.json["choices"][0]["message"]["content"] == "x"
        assert "content-encoding" not in answer.headers


def _message(answer: Answered, wire: WireName) -> str:
    told = json.loads(answer.body)
    assert ("type" in told) == (wire == "messages")
    return str(told["error"]["message"])
