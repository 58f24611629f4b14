"""Several requests of one model: conversations with tools, forms that a server refuses, and the connection."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agents.employees.call_errors import CallFailed
from agents.employees.contract import ModelResult, ToolCall
from agents.employees.conversation import CallRequest, Message, Model
from tests.integration.test_ways_to_servers import secure
from tests.loopback import Reply, Seen, hang, loopback
from tests.wires.anthropic import AnthropicWire
from tests.wires.cases import GOOD, READ, RUN
from tests.wires.gemini import GeminiWire
from tests.wires.openai import OpenAIWire
from tests.wires.openai_responses import OpenAIResponsesWire
from tests.wires.played import ASKED, WIRES, address, request_of
from tests.wires.wire import KEY, Wire, sends

each = pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxy_of_this_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, *(name.upper() for name in PROXIES)):
        monkeypatch.delenv(name, raising=False)


def assistant(result: ModelResult) -> Message:
    """Return an answer as the message of the next request."""
    return Message(role="assistant", text=result.text or "", calls=result.calls, opaque=result.opaque)


def said(call: ToolCall, text: str) -> Message:
    return Message(role="tool", call_id=call.id, text=text)


async def answered(wire: Wire, request: CallRequest, *bodies: Any) -> tuple[list[ModelResult], list[Seen]]:
    """Send the request once for each body that the double answers with."""
    left = list(bodies)

    async def reply(writer: Any, seen: Seen) -> None:
        await sends(200, left.pop(0))(writer, seen)

    async with loopback(reply) as server:
        model = wire.model(address(server))
        results = [await model.complete(request) for _ in bodies]
        await model.close()
        return results, list(server.seen)


async def sent(wire: Wire, *messages: Message, tools: bool = True) -> Any:
    """Return the request that the double received for these messages."""
    _, (seen,) = await answered(wire, request_of(messages, tools=tools), wire.body(GOOD))
    return wire.sent(seen)


@each
async def test_a_request_has_system_tools_limit_and_key(wire: Wire) -> None:
    request = await sent(wire, *ASKED)
    assert request.system == "You write Python."
    assert request.turns == [("user", ["Write double()."])]
    assert request.tools == ["read_file", "run"]
    assert (request.output_tokens_max, request.key) == (64, KEY)


@each
async def test_results_of_several_calls_go_back_in_one_turn(wire: Wire) -> None:
    (first,), _ = await answered(wire, request_of(), wire.body("Let me look.", calls=(READ, RUN)))
    request = await sent(
        wire, *ASKED, assistant(first), said(READ, "a = 1"), said(RUN, ""), Message(role="user", text="Go on.")
    )
    assert request.turns[1:] == [
        ("assistant", ["Let me look.", ("call", "read_file", {"path": "a.py"}), ("call", "run", RUN.arguments)]),
        ("user", [("result", "toolu_1", "a = 1"), ("result", "toolu_2", ""), "Go on."]),
    ]


@each
async def test_signed_thinking_goes_back_unchanged(wire: Wire) -> None:
    body = wire.body("Let me look.", calls=(READ,), thinking="hm")
    (first,), _ = await answered(wire, request_of(), body)
    _, (seen,) = await answered(wire, request_of((*ASKED, assistant(first), said(READ, "a = 1"))), wire.body(GOOD))
    own = wire.own(body)
    assert wire.returned(seen) == own
    assert "c2ln+/8=" in json.dumps(own), "the signature has characters that another encoding would change"


@each
async def test_what_another_provider_wants_back_is_left_out(wire: Wire) -> None:
    other = next(one for one in WIRES if one is not wire)
    (first,), _ = await answered(other, request_of(), other.body("Let me look.", calls=(READ,), thinking="hm"))
    assert first.opaque is not None
    request = await sent(wire, *ASKED, assistant(first), said(READ, "a = 1"))
    assert request.turns[1] == ("assistant", ["Let me look.", ("call", "read_file", {"path": "a.py"})])


@each
async def test_a_malformed_call_goes_back_as_text_and_so_does_its_result(wire: Wire) -> None:
    call = ToolCall(id="c1", name="run", arguments=None, text="{bad")
    request = await sent(wire, *ASKED, Message(role="assistant", calls=(call,)), said(call, "This is not JSON."))
    assert request.turns[1:] == [("assistant", ["{bad"]), ("user", ["This is not JSON."])]


@each
async def test_empty_texts_and_turns_in_a_row_are_accepted(wire: Wire) -> None:
    first, second = Message(role="user", text="one"), Message(role="user", text="two \ud83d")
    request = await sent(wire, first, second, Message(role="assistant", text=" "), Message(role="user", text=""))
    assert request.turns == [("user", ["one", "two \ufffd"]), ("assistant", ["(no text)"]), ("user", ["(no text)"])]
    assert request.system == ""


async def test_ids_of_another_provider_fit_the_messages_api() -> None:
    call = ToolCall(id="call:1/ü", name="run", arguments={})
    request = await sent(AnthropicWire(), *ASKED, Message(role="assistant", calls=(call,)), said(call, "done"))
    assert request.turns[2] == ("user", [("result", "call_1__", "done")])


async def test_gemini_never_sees_an_id_that_we_made() -> None:
    wire = GeminiWire()
    body = wire.body(None)
    body["candidates"][0]["content"]["parts"] = [{"functionCall": {"name": "run", "args": {}}}] * 2
    (first,), _ = await answered(wire, request_of(), body)
    one, other = first.calls
    assert one.id != other.id
    _, (seen,) = await answered(
        wire, request_of((*ASKED, assistant(first), said(one, "1"), said(other, "2"))), wire.body(GOOD)
    )
    assert '"id"' not in json.dumps(seen.body)
    assert [part["functionResponse"]["response"] for part in seen.body["contents"][2]["parts"]] == [
        {"output": "1"},
        {"output": "2"},
    ]


async def test_only_a_session_stores_its_prompt_at_the_vendor() -> None:
    wire = AnthropicWire()
    for tools in (True, False):
        _, (seen,) = await answered(wire, request_of(tools=tools), wire.body(GOOD))
        assert ("cache_control" in json.dumps(seen.body)) is tools


def picky(word: str, refusal: str, wire: Wire) -> Reply:
    """Return a server that refuses requests with this word in them."""

    async def reply(writer: Any, seen: Seen) -> None:
        refused = word in json.dumps(seen.body)
        answer = sends(400, wire.error(400, refusal)) if refused else sends(200, wire.body(GOOD))
        await answer(writer, seen)

    return reply


REFUSALS: list[tuple[Wire, str, str, str]] = [
    (AnthropicWire(), '"temperature"', "temperature: Extra inputs are not permitted", "no_temperature"),
    (
        AnthropicWire(),
        '"max_tokens": 64',
        "max_tokens: 64 > 32, which is the maximum allowed number of output tokens for m",
        "output_tokens_max=32",
    ),
    (AnthropicWire(), '"stop_sequences"', "stop_sequences: not supported", "no_stop"),
    (OpenAIWire(), '"seed"', "Unsupported parameter: 'seed'", "no_seed"),
    (OpenAIWire(), '"stop"', "Unsupported parameter: 'stop' is not supported with this model.", "no_stop"),
    (
        OpenAIWire(),
        '"max_tokens"',
        "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
        "max_completion_tokens",
    ),
    (OpenAIResponsesWire(), '"temperature"', "Unsupported parameter: 'temperature'", "no_temperature"),
    (GeminiWire(), '"seed"', "Invalid JSON payload received. Unknown name \"seed\" at 'generation_config'", "no_seed"),
    (GeminiWire(), '"systemInstruction"', "Developer instruction is not enabled for models/gemma-3", "no_system"),
    (GeminiWire(), '"temperature"', "temperature must be 1 for this model", "no_temperature"),
]


@pytest.mark.parametrize(
    ("wire", "word", "refusal", "name"), REFUSALS, ids=[f"{row[0].name}: {row[3]}" for row in REFUSALS]
)
async def test_a_refused_part_is_left_out_and_remembered(wire: Wire, word: str, refusal: str, name: str) -> None:
    request = replace(request_of(), temperature=0.5)
    async with loopback(picky(word, refusal, wire)) as server:
        model = wire.model(address(server))
        first = await model.complete(request)
        second = await model.complete(request)
        fresh = wire.model(address(server))
        third = await fresh.complete(replace(request, adaptations=(name,)))
        await model.close()
        await fresh.close()
    assert first.adaptations == second.adaptations == third.adaptations == (name,)
    assert [word in json.dumps(seen.body) for seen in server.seen] == [True, False, False, False]
    assert first.text == GOOD


@each
async def test_a_server_that_refuses_for_ever_gets_a_second_request_and_no_third(wire: Wire) -> None:
    request = replace(request_of(), temperature=0.5)
    async with loopback(sends(400, wire.error(400, "temperature is not supported"))) as server:
        model = wire.model(address(server))
        with pytest.raises(CallFailed, match="answered 400") as caught:
            await model.complete(request)
        await model.close()
    assert (caught.value.failure, caught.value.costs_nothing, len(server.seen)) == ("bad_request", True, 2)


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


async def probed(wire: Wire, body: Any, status: int = 200) -> ModelResult:
    async with loopback(sends(status, body)) as server:
        model = wire.model(address(server))
        try:
            return await model.probe()
        finally:
            await model.close()


@each
async def test_a_probe_is_one_small_call(wire: Wire) -> None:
    assert (await probed(wire, wire.body("ready"))).text == "ready"
    with pytest.raises(CallFailed) as caught:
        await probed(wire, wire.error(401, "who are you"), 401)
    assert caught.value.failure == "auth"
    with pytest.raises(CallFailed) as caught:
        await probed(wire, wire.body(None, end="length"))
    assert caught.value.failure == "truncated"


async def test_a_probe_whose_limit_is_used_up_by_thinking_is_an_answer() -> None:
    gemini = GeminiWire().body(None, end="length") | {
        "usageMetadata": {"promptTokenCount": 9, "thoughtsTokenCount": 16}
    }
    assert (await probed(GeminiWire(), gemini)).reasoning_tokens == 16
    claude = AnthropicWire().body(None, end="length")
    claude["usage"]["output_tokens_details"] = {"thinking_tokens": 12}
    assert (await probed(AnthropicWire(), claude)).reasoning_tokens == 12


@each
@pytest.mark.parametrize(
    ("changes", "failure"),
    [
        ({"output_tokens_max": 0}, "bad_settings"),
        ({"wall_s": 0.0}, "bad_settings"),
        ({"extra": {"grammar": "root ::= x"}}, "bad_settings"),
        ({"messages": (Message(role="user", text="x" * (4 * 1024**2 + 1)),)}, "prompt_too_large"),
    ],
    ids=["no tokens", "no time", "a grammar", "a huge prompt"],
)
async def test_a_request_past_a_limit_is_not_sent(wire: Wire, changes: dict[str, Any], failure: str) -> None:
    if "extra" in changes and wire.accepts_extra:
        changes = {"output_tokens_max": -1}
    async with loopback(sends(200, wire.body(GOOD))) as server:
        model = wire.model(address(server))
        with pytest.raises(CallFailed) as caught:
            await model.complete(replace(request_of(), **changes))
        assert (caught.value.failure, caught.value.costs_nothing, server.seen) == (failure, True, [])
        await model.complete(request_of())  # the control: a usual request is sent
        assert len(server.seen) == 1
        await model.close()


ENVIRONMENT = {
    "ANTHROPIC_API_KEY": "sk-of-the-environment",
    "ANTHROPIC_AUTH_TOKEN": "token-of-the-environment",
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:1",
    "OPENAI_API_KEY": "sk-of-the-environment",
    "OPENAI_ADMIN_KEY": "admin-of-the-environment",
    "OPENAI_ORG_ID": "organisation-of-the-environment",
    "OPENAI_PROJECT_ID": "project-of-the-environment",
    "OPENAI_BASE_URL": "http://127.0.0.1:1",
    "OPENAI_CUSTOM_HEADERS": "x-mine: header-of-the-environment",
    "GOOGLE_API_KEY": "key-of-the-environment",
    "GEMINI_API_KEY": "another-of-the-environment",
    "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:1",
    "GOOGLE_GENAI_USE_VERTEXAI": "true",
    "GOOGLE_GENAI_API_VERSION": "v9",
    "GOOGLE_GENAI_HTTP_CLIENT": "httpx",
}


@each
@pytest.mark.parametrize("keyed", [True, False], ids=["with a key", "without a key"])
async def test_the_environment_of_the_sdk_changes_nothing(
    wire: Wire, keyed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    async with loopback(sends(200, wire.body(GOOD))) as server:
        model = wire.model(address(server), **({} if keyed else {"api_key": None}))
        await model.complete(request_of())
        await model.close()
    (seen,) = server.seen
    assert wire.sent(seen).key == (KEY if keyed else "none")
    assert "environment" not in json.dumps(seen.headers)


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


@each
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


def test_the_sdks_are_imported_late() -> None:
    code = (
        "import sys, agents.employees.providers.anthropic, agents.employees.providers.gemini\n"
        "import agents.employees.providers.openai, agents.employees.providers.openai_responses\n"
        "print([name for name in ('anthropic', 'google.genai', 'httpx2', 'openai') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def held(model: Model) -> Model:
    """Return the model as a value of the contract's type, so that mypy compares both."""
    return model


@each
async def test_a_model_shows_no_key(wire: Wire) -> None:
    async with loopback(hang) as server:
        model = held(wire.model(address(server)))
    shown = f"{model!r}{dict(model.describe())}"
    assert KEY not in shown
    assert model.describe()["provider"] == wire.provider
    assert (model.has_tools, model.scripted) == (True, False)


async def test_a_server_that_refuses_the_thinking_of_earlier_answers_gets_the_call_without_it() -> None:
    wire = OpenAIWire()
    (first,), _ = await answered(wire, request_of(), wire.body("Let me look.", calls=(READ,), thinking="hm"))
    request = request_of((*ASKED, assistant(first), said(READ, "a = 1")))
    refusal = "Unrecognized key: reasoning_content is not allowed in messages"
    async with loopback(picky("reasoning_content", refusal, wire)) as server:
        model = wire.model(address(server))
        result = await model.complete(request)
        await model.close()
    refused, accepted = (seen.body["messages"][2] for seen in server.seen)
    assert result.adaptations == ("no_thinking",)
    assert refused["reasoning_content"] == "hm", "the control: the thinking was sent back"
    assert {"reasoning_content", "reasoning_details"}.isdisjoint(accepted)
    assert accepted["tool_calls"] == refused["tool_calls"]
