"""The OpenAI employee on a real loopback server: each failure has a type, and the key appears nowhere else."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from pydantic import SecretStr

from agents.employees.call_errors import CallFailed, CallFailure
from agents.employees.contract import CallLimits
from agents.employees.model_employee import ModelEmployee
from tests.loopback import Loopback, Reply, completion, cut, cut_chunks, drip, hang, honest, loopback, raw
from tests.openai_employee import openai_employee
from tests.orders import LIMITS, order

KEY = "sk-loopback-0123456789abcdef"
GOOD = "Here it is:\n```python\ndef double(number):\n    return 2 * number\n```\n"


@asynccontextmanager
async def employee(reply: Reply, **extra: Any) -> AsyncIterator[tuple[ModelEmployee, Loopback]]:
    """Return an employee hired on a loopback server."""
    async with loopback(reply) as server:
        settings: dict[str, Any] = {"price": "zero", **extra}
        hired = openai_employee(
            id=UUID(int=4), name="ada", base_url=server.base_url, model="asked", api_key=SecretStr(KEY), **settings
        )
        try:
            yield hired, server
        finally:
            await hired.close()


async def test_an_honest_answer_becomes_files_and_a_snapshot() -> None:
    async with employee(honest(GOOD), model_digest="d" * 64, temperature=0.8) as (ada, server):
        answer = await ada.work(order())
    assert answer.files == {"double.py": b"def double(number):\n    return 2 * number\n"}
    result = answer.result
    assert (result.input_tokens, result.cached_tokens, result.output_tokens) == (40, 8, 12)
    assert (result.model_requested, result.model_reported, result.model_digest) == ("asked", "served", "d" * 64)
    assert (result.finish, result.request_id, result.cost) == ("stop", "req-7", Decimal(0))
    assert result.request["seed"] == 7
    assert result.request["max_tokens"] == 64
    assert result.request["temperature"] == 0.8
    assert len(server.seen) == 1
    assert server.seen[0].body["messages"] == result.request["messages"]
    assert "return twice" not in str(result.request)


async def test_the_bearer_is_sent() -> None:
    async with employee(honest(GOOD)) as (ada, server):
        await ada.work(order())
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"


async def test_without_a_key_none_of_the_environments_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    async with employee(honest(GOOD)) as (_, server):
        keyless = openai_employee(id=UUID(int=5), name="bob", base_url=server.base_url, model="asked", price="zero")
        await keyless.work(order())
        await keyless.close()
    assert KEY not in str(server.seen[0].headers)


async def test_a_proxy_of_the_environment_does_not_see_loopback_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with employee(honest(GOOD)) as (ada, server):
        await ada.work(order())
    assert len(server.seen) == 1


ECHO = raw(400, b'{"error": {"message": "bad key ' + KEY.encode() + b'"}}')
OVERFLOW = b'{"error": {"code": 400, "type": "exceed_context_size_error", "message": "too long"}}'
FAILURES: list[tuple[str, Reply, CallFailure]] = [
    ("401", raw(401, b'{"error": {"message": "no such key"}}'), "auth"),
    ("403", raw(403, b"{}"), "forbidden"),
    ("404", raw(404, b'{"error": {"message": "no such model"}}'), "unknown_model"),
    ("408", raw(408, b"{}"), "timeout"),
    ("429", raw(429, b'{"error": {"message": "slow down"}}'), "rate_limit"),
    ("500", raw(500, b"oops"), "overloaded"),
    ("503", raw(503, b"{}"), "overloaded"),
    ("400", raw(400, b'{"error": {"message": "what?"}}'), "bad_request"),
    ("400 that echoes the key", ECHO, "bad_request"),
    ("overflow", raw(400, OVERFLOW), "context_overflow"),
    ("cut body", cut, "connection"),
    ("cut chunks", cut_chunks, "connection"),
    ("garbage", raw(200, b"\x00\xff<html>"), "malformed_response"),
    ("html", raw(200, b"<html></html>", content_type="text/html"), "malformed_response"),
    ("other JSON", raw(200, b'{"hello": 1}'), "malformed_response"),
    ("a list", raw(200, b"[1]"), "malformed_response"),
    ("deep JSON", raw(200, b"[" * 100_000), "malformed_response"),
    ("no choices", raw(200, b'{"choices": []}'), "malformed_response"),
    ("null choices", raw(200, b'{"choices": null}'), "malformed_response"),
    ("null message", raw(200, b'{"choices": [{"message": null}]}'), "malformed_response"),
    ("number as text", raw(200, b'{"choices": [{"message": {"content": 5}}]}'), "malformed_response"),
    ("empty body", raw(200, b""), "malformed_response"),
    ("empty text", raw(200, completion("")), "empty"),
    ("white text", raw(200, completion(" \n ")), "empty"),
    ("null text", raw(200, completion(None)), "empty"),
    ("refusal", raw(200, completion(None, refusal="I will not")), "blocked"),
    ("content filter", raw(200, completion("", finish="content_filter")), "blocked"),
    ("cut at length", raw(200, completion("```python\ndef double(n", finish="length")), "truncated"),
    ("hang", hang, "timeout"),
    ("drip", drip, "timeout"),
]


SHORT_WALL_S = 2.0
"""For calls that must be cut off: long enough for the request to arrive on a busy machine."""


@pytest.mark.parametrize(("reply", "failure"), [case[1:] for case in FAILURES], ids=[case[0] for case in FAILURES])
async def test_each_failure_is_typed_and_costs_one_request(
    reply: Reply, failure: CallFailure, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wall_s = SHORT_WALL_S if reply in (hang, drip) else LIMITS.wall_s
    limits = CallLimits(output_tokens_max=64, wall_s=wall_s, cost_usd_max=Decimal(1))
    async with employee(reply) as (ada, server):
        with pytest.raises(CallFailed) as raised:
            await ada.work(order(limits=limits))
    assert raised.value.failure == raised.value.code == failure
    assert raised.value.hint
    assert len(server.seen) == 1
    assert KEY not in f"{raised.value!s} {raised.value.__dict__} {raised.value.__cause__!r} {caplog.text}"


async def test_nobody_listens() -> None:
    async with employee(honest(GOOD)) as (ada, _):
        gone = openai_employee(
            id=UUID(int=5), name="bob", base_url="http://127.0.0.1:1/v1", model="asked", price="zero"
        )
        with pytest.raises(CallFailed) as raised:
            await gone.work(order())
        await gone.close()
        assert (await ada.work(order())).files
    assert raised.value.failure == "connection"


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [({"retry_after": "7"}, 7.0), ({"retry_after_ms": "250"}, 0.25), ({"retry_after": "soon"}, None), ({}, None)],
)
async def test_retry_after_is_handed_on(headers: dict[str, str], wait_s: float | None) -> None:
    async with employee(raw(429, b"{}", **headers)) as (ada, _):
        with pytest.raises(CallFailed) as raised:
            await ada.work(order())
    assert raised.value.retry_after_s == wait_s
    assert raised.value.status == 429


async def test_what_a_failed_answer_spent_is_known() -> None:
    async with employee(raw(200, completion(""))) as (ada, _):
        with pytest.raises(CallFailed) as raised:
            await ada.work(order())
    assert (raised.value.input_tokens, raised.value.output_tokens) == (40, 12)
    assert raised.value.result is not None


async def test_the_key_is_in_no_result_even_when_the_server_echoes_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with employee(honest(f"{GOOD} your key is {KEY}")) as (ada, server):
        answer = await ada.work(order())
        shown = f"{ada!r} {ada.describe()} {ada.__dict__}"
    assert KEY in str(server.seen[0].headers)
    assert answer.files
    assert KEY.encode() not in msgspec.json.encode(answer.result)
    assert KEY not in shown + caplog.text


async def test_prose_without_code_is_an_answer_without_files() -> None:
    async with employee(honest("I would rather not show code.")) as (ada, _):
        answer = await ada.work(order())
    assert answer.files == {}


@pytest.mark.parametrize(
    "limits",
    [
        CallLimits(output_tokens_max=0, wall_s=5.0, cost_usd_max=Decimal(1)),
        CallLimits(output_tokens_max=64, wall_s=0.0, cost_usd_max=Decimal(1)),
    ],
)
async def test_a_limit_of_nothing_sends_nothing(limits: CallLimits) -> None:
    async with employee(honest(GOOD)) as (ada, server):
        with pytest.raises(CallFailed):
            await ada.work(order(limits=limits))
        assert server.seen == []
        assert (await ada.work(order())).files


async def test_a_cancelled_call_is_cancelled_not_swallowed() -> None:
    async with employee(hang) as (ada, server):
        call = asyncio.create_task(ada.work(order()))
        await server.arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_probe_is_one_small_call() -> None:
    async with employee(honest("ready")) as (ada, server):
        assert (await ada.probe()).text == "ready"
    assert len(server.seen) == 1
    assert server.seen[0].body["max_tokens"] <= 16


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (raw(401, b"{}"), "auth"),
        (raw(200, completion("")), "empty"),
        (raw(200, completion(" \n", finish="length")), "truncated"),
    ],
)
async def test_probe_fails_typed(reply: Reply, failure: str) -> None:
    async with employee(reply) as (ada, _):
        with pytest.raises(CallFailed) as raised:
            await ada.probe()
    assert raised.value.failure == failure


async def test_a_model_that_thinks_longer_than_a_probe_lasts_is_there() -> None:
    body = json.loads(completion("", finish="length"))
    body["usage"]["completion_tokens_details"] = {"reasoning_tokens": 16}
    async with employee(raw(200, json.dumps(body).encode())) as (ada, _):
        assert (await ada.probe()).reasoning_tokens == 16


async def test_the_grammar_style_sends_its_grammar() -> None:
    async with employee(honest(GOOD), style="grammar") as (ada, server):
        await ada.work(order())
    assert "def double(number):" in server.seen[0].body["grammar"]
