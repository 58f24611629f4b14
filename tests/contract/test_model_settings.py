"""The settings of a model: limits of a request, the environment, the key, and the probe that tries them."""

import json
import subprocess
import sys
from typing import Any

import pytest
from msgspec.structs import replace

from agents.employees.call_errors import CallFailed
from agents.employees.contract import ModelResult
from agents.employees.conversation import Message, Model
from tests.loopback import hang, loopback
from tests.wires.anthropic import AnthropicWire
from tests.wires.cases import GOOD
from tests.wires.conversing import each
from tests.wires.gemini import GeminiWire
from tests.wires.openai_responses import OpenAIResponsesWire
from tests.wires.played import address, request_of
from tests.wires.wire import KEY, Wire, sends


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
    response = OpenAIResponsesWire().body(None, end="length")
    response["usage"]["output_tokens_details"] = {"reasoning_tokens": 16}
    assert (await probed(OpenAIResponsesWire(), response)).reasoning_tokens == 16


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
    "OLLAMA_API_KEY": "key-of-the-environment",
    "OLLAMA_HOST": "http://127.0.0.1:1",
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


def test_the_sdks_are_imported_late() -> None:
    code = (
        "import sys, agents.employees.providers.anthropic, agents.employees.providers.gemini\n"
        "import agents.employees.providers.openai, agents.employees.providers.openai_responses\n"
        "import agents.employees.providers.ollama\n"
        "print([name for name in ('anthropic', 'google.genai', 'httpx2', 'ollama', 'openai') if name in sys.modules])"
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
