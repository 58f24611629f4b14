"""The answers that the model gateway gives itself, and the form of its refusals."""

import json
from typing import Any

import pytest

from agents.gateway.contract import Upstream
from agents.gateway.refusals import GatewayRefusal, WireName, body_of
from agents.gateway.routes import address_of_call, match, wire_of_path
from tests.gateways import MODEL, PATHS, SECRET, honest_body, post, send, world
from tests.providers import answering


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (_get("/v1/models"), ("data", 0, "id", MODEL)),
        (_get("/v1/models?limit=1000"), ("data", 0, "type", "model")),
        (_get(f"/v1/models/{MODEL}"), ("id", MODEL)),
        (_get("/v1beta/models"), ("models", 0, "name", f"models/{MODEL}")),
        (_get(f"/v1beta/models/{MODEL}"), ("name", f"models/{MODEL}")),
    ],
)
async def test_the_only_model_is_the_hired_one(request_bytes: bytes, expected: tuple[Any, ...]) -> None:
    async with world(answering()) as made:
        answer = await send(made.gateway, request_bytes)
        assert answer.status == 200
        *keys, value = expected
        told = answer.json
        for key in keys:
            told = told[key]
        assert told == value
        assert made.provider.seen == []
        assert made.account.calls == {}


async def test_tokens_are_counted_locally() -> None:
    async with world(answering()) as made:
        messages = await send(made.gateway, post("/v1/messages/count_tokens?beta=true", honest_body("messages")))
        gemini = await send(made.gateway, post("/v1beta/models/m:countTokens", honest_body("gemini")))
        assert messages.json["input_tokens"] > 50
        assert gemini.json["totalTokens"] > 50
        assert made.provider.seen == []


@pytest.mark.parametrize("wire", PATHS)
def test_a_refusal_has_the_form_of_its_wire(wire: WireName) -> None:
    told = json.loads(body_of(GatewayRefusal(402, "reservation_used_up", "Used up."), wire))
    assert told["error"]["message"] == "Used up."
    if wire == "messages":
        assert told == {"type": "error", "error": {**told["error"], "type": "billing_error"}}
    elif wire == "gemini":
        assert (told["error"]["code"], told["error"]["status"]) == (402, "RESOURCE_EXHAUSTED")
    else:
        assert (told["error"]["type"], told["error"]["code"]) == ("insufficient_quota", "reservation_used_up")


@pytest.mark.parametrize("wire", PATHS)
def test_the_form_of_a_refusal_follows_the_path(wire: WireName) -> None:
    assert wire_of_path(PATHS[wire]) == wire


async def test_a_hired_model_answers_only_in_the_formats_of_its_server() -> None:
    async with world(answering(), wires=("messages",)) as made:
        refused = await send(made.gateway, post(PATHS["chat"], honest_body("chat")))
        assert (refused.status, refused.json["error"]["code"]) == (404, "other_wire")
        assert (await send(made.gateway, post(PATHS["messages"], honest_body("messages")))).status == 200


@pytest.mark.parametrize(
    ("wire", "base_url", "expected"),
    [
        ("chat", "https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
        ("responses", "https://api.openai.com/v1", "https://api.openai.com/v1/responses"),
        ("messages", "https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
        ("messages", "http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1/messages"),
        ("gemini", "https://g.example", "https://g.example/v1beta/models/a%2Fb:generateContent"),
        ("gemini", "https://g.example/v1", "https://g.example/v1/models/a%2Fb:generateContent"),
    ],
)
def test_the_address_of_a_call_is_made_from_the_settings(wire: WireName, base_url: str, expected: str) -> None:
    assert address_of_call(wire, base_url, "a/b", stream=False) == expected


def test_a_stream_of_gemini_has_its_own_address() -> None:
    address = address_of_call("gemini", "https://g.example", "m", stream=True)
    assert address == "https://g.example/v1beta/models/m:streamGenerateContent?alt=sse"
    assert match("POST", "/v1/models/m:streamGenerateContent?alt=sse&key=mine").route.stream


@pytest.mark.parametrize(("base_url", "newer"), [("https://api.openai.com/v1", True), ("https://other.example", False)])
def test_openai_gets_the_newer_name_of_the_limit(base_url: str, newer: bool) -> None:
    upstream = _upstream(base_url)
    assert upstream.hired.newer_limit == newer


@pytest.mark.parametrize(
    ("wire", "name", "value"),
    [
        ("chat", "authorization", f"Bearer {SECRET}"),
        ("messages", "x-api-key", SECRET),
        ("gemini", "x-goog-api-key", SECRET),
    ],
)
def test_each_wire_has_its_own_header_for_the_key(wire: WireName, name: str, value: str) -> None:
    upstream = _upstream("https://x.example")
    headers = upstream.headers_of(wire)
    assert headers[name] == value
    assert SECRET not in repr(upstream)
    assert [value for value in headers.values() if SECRET in value] == [value]


def _upstream(base_url: str) -> Upstream:
    return Upstream(
        provider="x",
        base_url=base_url,
        model=MODEL,
        wires=frozenset({"chat"}),
        output_tokens_max=100,
        wall_s=1.0,
        secret=SECRET,
    )
