"""The connection of a model: its address, proxy and certificate, and several calls one after another or at a time."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from agents.employees.call_errors import CallFailed
from agents.employees.conversation import Message
from tests.integration.test_ways_to_servers import secure
from tests.loopback import Seen, hang, loopback
from tests.wires.anthropic import AnthropicWire
from tests.wires.cases import GOOD
from tests.wires.conversing import each
from tests.wires.gemini import GeminiWire
from tests.wires.played import WIRES, address, request_of
from tests.wires.wire import Wire, sends


@each
async def test_a_redirect_on_the_same_server_keeps_the_request(wire: Wire) -> None:
    async def reply(writer: Any, seen: Seen) -> None:
        moved = not seen.path.endswith("/new")
        await (sends(301, b"", location="/new") if moved else sends(200, wire.body(GOOD)))(writer, seen)

    async with loopback(reply) as server:
        model = wire.model(address(server))
        result = await model.complete(request_of())
        await model.close()
    first, second = server.seen
    assert (second.method, second.body) == ("POST", first.body)
    assert result.text == GOOD


@each
async def test_two_calls_at_a_time_are_not_mixed_up(wire: Wire) -> None:
    async def reply(writer: Any, seen: Seen) -> None:
        text = json.dumps(seen.body)
        await asyncio.sleep(0.2 if "slow" in text else 0)
        await sends(200, wire.body("slow" if "slow" in text else "fast"))(writer, seen)

    async with loopback(reply) as server:
        model = wire.model(address(server))
        requests = [request_of((Message(role="user", text=text),)) for text in ("slow", "fast", "slow", "fast")]
        results = await asyncio.gather(*(model.complete(request) for request in requests))
        await model.close()
    assert [result.text for result in results] == ["slow", "fast", "slow", "fast"]
    assert all(result.text and result.text in json.dumps(dict(result.request)) for result in results)


@each
async def test_a_call_that_is_cancelled_ends_at_once_and_the_next_one_works(wire: Wire) -> None:
    async with loopback(hang) as server:
        model = wire.model(address(server))
        call = asyncio.create_task(model.complete(request_of()))
        await server.arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        server.reply = sends(200, wire.body(GOOD))
        assert (await model.complete(request_of())).text == GOOD
        await model.close()


@each
async def test_a_closed_model_connects_again(wire: Wire) -> None:
    async with loopback(sends(200, wire.body(GOOD))) as server:
        model = wire.model(address(server))
        await model.close()
        for _ in range(2):
            assert (await model.complete(request_of())).text == GOOD
            await model.close()


async def test_a_base_url_may_name_the_version_of_the_api() -> None:
    for wire, ending, path in (
        (AnthropicWire(), "/v1", "/v1/messages"),
        (AnthropicWire(), "/anthropic", "/anthropic/v1/messages"),
        (GeminiWire(), "/v1", "/v1/models/gemini-2.0-flash:generateContent"),
        (GeminiWire(), "/proxy", "/proxy/v1beta/models/gemini-2.0-flash:generateContent"),
    ):
        async with loopback(sends(200, wire.body(GOOD))) as server:
            model = wire.model(address(server) + ending)
            await model.complete(request_of())
            await model.close()
        assert [seen.path for seen in server.seen] == [path]


@pytest.mark.parametrize("wire", [wire for wire in WIRES if wire.host], ids=lambda wire: wire.name)
async def test_a_vendors_host_is_reached_through_the_proxy_and_priced(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with loopback(sends(200, wire.body(GOOD))) as proxy:
        monkeypatch.setenv("http_proxy", address(proxy))
        model = wire.model(f"http://{wire.host}")
        result = await model.complete(request_of())
        bound = model.bound(request_of())
        await model.close()
    (seen,) = proxy.seen
    assert seen.path.startswith(f"http://{wire.host}/v1")
    assert result.cost is not None
    assert bound.usd is not None
    assert 0 < result.cost < bound.usd
    assert result.cost_source is not None
    assert result.cost_source.startswith("genai-prices ")
    assert "x-api-key" not in seen.headers


@each
async def test_a_certificate_must_be_known(wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    async with secure(tmp_path, sends(200, wire.body(GOOD))) as (server, public):
        address = f"https://127.0.0.1:{server.port}"
        model = wire.model(address)
        with pytest.raises(CallFailed, match="certificate") as caught:
            await model.complete(request_of())
        await model.close()
        monkeypatch.setenv("SSL_CERT_FILE", str(public))
        believed = wire.model(address)
        assert (await believed.complete(request_of())).text == GOOD
        await believed.close()
    assert (caught.value.failure, caught.value.costs_nothing) == ("tls", True)


@each
@pytest.mark.parametrize(
    ("proxy", "failure"), [("http://me:secret@127.0.0.1:1", "connection"), ("http://[::1", "bad_settings")]
)
async def test_a_bad_proxy_costs_nothing_and_shows_no_password(
    wire: Wire, proxy: str, failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("all_proxy", proxy)
    model = wire.model("http://models.example")
    with pytest.raises(CallFailed) as caught:
        await model.complete(request_of())
    await model.close()
    assert (caught.value.failure, caught.value.costs_nothing) == (failure, True)
    assert "secret" not in str(caught.value)
