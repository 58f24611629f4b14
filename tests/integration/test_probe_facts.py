"""The facts of a probe: price, seconds, tools and context, against doubles of servers on loopback.

The doubles answer with the forms that vLLM, OpenRouter, llama.cpp, Ollama, Anthropic and Gemini use. No vendor's server
is reached.
"""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from agents.cli_agents.employee import with_agents
from agents.cli_agents.library import shipped
from agents.cli_agents.toolbox import FOLDER as TOOLBOXES
from agents.cli_agents.toolbox import toolbox_name
from agents.employees.call_errors import CallFailed
from agents.employees.discovery import context_size
from agents.employees.discovery.context_size import context_tokens
from agents.employees.posting import Posting
from agents.employees.postings import build
from agents.workers.probe_call import TOOL, ProbeCall, probe_call
from agents.workers.probing import Question, Served
from director.services.hire_agent import posting_of_hire
from director.services.hire_options import Hiring
from tests.loopback import Reply, Seen, completion, hang, honest, loopback, raw
from tests.wires.model_servers import serving

KEY = "sk-of-a-probe-0123456789"
NO_TOOLS = b'{"error": {"message": "registry/tiny:latest does not support tools", "type": "invalid_request_error"}}'
JINJA = b'{"error": {"code": 500, "message": "tools param requires --jinja flag", "type": "server_error"}}'
CALLED = completion(
    None, tool_calls=[{"id": "c1", "type": "function", "function": {"name": TOOL.name, "arguments": "{}"}}]
)


def posting(base_url: str = "", **changes: Any) -> Posting:
    stated: dict[str, Any] = {"name": "coder", "kind": "openai", "model": "m", "base_url": base_url, "price": "zero"}
    return Posting(**(stated | changes))


def refusing(body: bytes, status: int) -> Reply:
    """Refuse each request with tools in these words; answer the others."""

    async def reply(writer: asyncio.StreamWriter, seen: Seen) -> None:
        with_tools = isinstance(seen.body, dict) and "tools" in seen.body
        await (raw(status, body) if with_tools else honest("ready"))(writer, seen)

    return reply


async def probed(reply: Reply, **changes: Any) -> tuple[ProbeCall, list[Any]]:
    """Return the call, and the bodies of the requests."""
    async with loopback(reply) as server:
        employee = build(posting(server.base_url, **changes), {})
        try:
            return await probe_call(employee), [seen.body for seen in server.seen]
        finally:
            await employee.close()


async def test_a_probe_is_one_priced_call_that_offers_a_tool() -> None:
    call, bodies = await probed(raw(200, CALLED), price_in=Decimal(2), price_out=Decimal(10))
    assert len(bodies) == 1
    assert [tool["function"]["name"] for tool in bodies[0]["tools"]] == [TOOL.name]
    assert (call.tools, call.tokens, call.estimated) == ("yes", 52, False)
    assert call.cost_usd == (40 * Decimal(2) + 12 * Decimal(10)) / 1_000_000
    assert call.cost_source is not None
    assert "as stated" in call.cost_source
    assert 0 < call.seconds < 30


async def test_an_answer_in_words_accepts_the_tool_too() -> None:
    call, bodies = await probed(honest("ready"))
    assert (call.tools, call.cost_usd, len(bodies)) == ("yes", Decimal(0), 1)


@pytest.mark.parametrize(("status", "body"), [(400, NO_TOOLS), (404, NO_TOOLS), (500, JINJA)])
async def test_a_server_that_refuses_the_tool_is_asked_again_without(status: int, body: bytes) -> None:
    call, bodies = await probed(refusing(body, status))
    assert call.tools == "no"
    assert ["tools" in each for each in bodies] == [True, False]


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (raw(401, b'{"error": {"message": "bad key"}}'), "auth"),
        (raw(503, b'{"error": {"message": "loading"}}'), "overloaded"),
        (raw(200, completion("")), "empty"),
    ],
)
async def test_another_failure_says_nothing_about_tools(reply: Reply, failure: str) -> None:
    async with loopback(reply) as server:
        employee = build(posting(server.base_url), {})
        with pytest.raises(CallFailed) as failed:
            await probe_call(employee)
        await employee.close()
        assert (failed.value.failure, len(server.seen)) == (failure, 1)


async def test_a_script_is_not_asked_about_tools() -> None:
    employee = build(Posting(name="player", kind="scripted", script="cheater"), {})
    assert (await probe_call(employee)).tools == "unknown"


MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "ready"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 10, "output_tokens": 2},
}


async def test_a_coding_agent_needs_its_program_and_its_model_is_asked_about_tools(tmp_path: Path) -> None:
    async with loopback(serving({"/v1/messages": MESSAGE})) as server:
        address = server.base_url.removesuffix("/v1")
        wanted = Hiring(name="claude", cli="claude", base_url=address, model="m", local=True)
        agent = with_agents(build, tmp_path)(posting_of_hire(wanted), {})
        with pytest.raises(CallFailed, match="aura toolbox claude"):
            await probe_call(agent)
        assert server.seen == [], "nothing is asked and paid without the program"
        toolbox = tmp_path / TOOLBOXES / toolbox_name(shipped()["claude"])
        toolbox.mkdir(parents=True)
        (toolbox / "toolbox.json").write_text("{}")
        call = await probe_call(agent)
        await agent.close()
        assert (call.tools, call.tokens, len(server.seen)) == ("yes", 12, 1)
        assert [tool["name"] for tool in server.seen[0].body["tools"]] == [TOOL.name]


VLLM = {"data": [{"id": "other", "max_model_len": 1}, {"id": "m", "max_model_len": 32_768}]}
LLAMA_CPP = {"data": [{"id": "file.gguf", "meta": {"n_ctx_train": 131_072}}]}
STATED: dict[str, tuple[dict[str, Any], dict[str, object], int | None]] = {
    "vLLM": ({}, {"/v1/models": VLLM}, 32_768),
    "OpenRouter": ({}, {"/v1/models": {"data": [{"id": "m", "context_length": 200_000}]}}, 200_000),
    "Groq": ({}, {"/v1/models": {"data": [{"id": "m", "context_window": 131_072}]}}, 131_072),
    "llama.cpp": ({}, {"/v1/models": LLAMA_CPP, "/props": {"default_generation_settings": {"n_ctx": 4096}}}, 4096),
    "llama.cpp without its properties": ({}, {"/v1/models": LLAMA_CPP}, None),
    "OpenAI": ({}, {"/v1/models": {"data": [{"id": "m", "object": "model"}, {"id": "n"}]}}, None),
    "a list without the model": ({}, {"/v1/models": {"data": [{"id": "a", "max_model_len": 5}, {"id": "b"}]}}, None),
    "a size that is none": ({}, {"/v1/models": {"data": [{"id": "m", "max_model_len": True}]}}, None),
    "a negative size": ({}, {"/v1/models": {"data": [{"id": "m", "max_model_len": -1}]}}, None),
    "another form": ({}, {"/v1/models": {"data": "m"}}, None),
    "no list": ({}, {"/other": {}}, None),
    "Anthropic": ({"kind": "anthropic"}, {"/v1/models/m": {"id": "m", "max_input_tokens": 200_000}}, 200_000),
    "Gemini": (
        {"kind": "gemini", "model": "g"},
        {"/v1/models/g": {"name": "models/g", "inputTokenLimit": 1_048_576}},
        1_048_576,
    ),
    "Ollama": (
        {"kind": "ollama"},
        {
            "/api/tags": {"models": [{"name": "m:latest", "digest": "d"}]},
            "/api/show": {"model_info": {"qwen2.context_length": 32_768}},
        },
        32_768,
    ),
    "Ollama without the model": ({"kind": "ollama"}, {"/api/tags": {"models": []}}, None),
    "LM Studio": (
        {},
        {
            "/v1/models": {"data": [{"id": "m"}]},
            "/api/v0/models": {"data": [{"id": "m", "state": "loaded", "loaded_context_length": 4096}]},
        },
        4096,
    ),
    "a script": ({"kind": "scripted"}, {"/v1/models": VLLM}, None),
}


@pytest.mark.parametrize("name", STATED)
async def test_the_context_is_what_the_server_states(name: str) -> None:
    changes, answers, expected = STATED[name]
    async with loopback(serving(answers)) as server:
        assert await context_tokens(posting(server.base_url, **changes), SecretStr(KEY)) == expected
        keys = {value for seen in server.seen for value in seen.headers.values() if KEY in value}
        assert keys <= {KEY, f"Bearer {KEY}"}
        assert bool(keys) == bool(server.seen), "the question has the employee's key"


async def test_a_server_that_does_not_answer_delays_a_probe_by_seconds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context_size, "ASK_WALL_S", 0.1)
    async with loopback(hang) as server:
        assert await context_tokens(posting(server.base_url), None) is None
    assert await context_tokens(posting(server.base_url), None) is None, "nobody listens any more"
    assert await context_tokens(posting("http://[bad"), None) is None


async def test_a_worker_reports_all_facts_and_no_key() -> None:
    async def reply(writer: asyncio.StreamWriter, seen: Seen) -> None:
        await (raw(200, CALLED) if seen.method == "POST" else serving({"/v1/models": VLLM}))(writer, seen)

    async with loopback(reply) as server:
        environment = {"MY_KEY": KEY}
        own = posting(server.base_url, price_in=Decimal(1), price_out=Decimal(1), api_key_env="MY_KEY")
        employee = build(own, environment)
        report = await Served(own, environment, employee).report(Question(call=True, wait_s=20.0))
        await employee.close()
        assert report.call is not None
        assert (report.problem, report.call.tools, report.server_context_tokens) == ("", "yes", 32_768)
        assert report.price == "1 USD in and 1 USD out for a million tokens, as stated"
        assert report.seconds == report.call.seconds
        assert KEY not in repr(report)
        assert {seen.method for seen in server.seen} == {"GET", "POST"}
        looked = await Served(own, environment, employee).report(Question(call=False, wait_s=20.0))
        assert (looked.call, looked.seconds, looked.server_context_tokens) == (None, None, None), "control: no call"
