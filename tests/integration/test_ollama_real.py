"""The provider `ollama` with the real Ollama server: answers, limits, errors, digests."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from agents.employees.call_errors import CallFailed
from agents.employees.conversation import CallRequest, Message
from agents.employees.providers.ollama import OllamaModel
from agents.employees.providers.ollama_models import ask_about
from tests.ollama_server import MODEL, VERSION, OllamaServer, needs_ollama, ollama_server
from tests.wires.played import TOOLS

pytestmark = [*needs_ollama, pytest.mark.slow]
CONTEXT_TOKENS = 512
WALL_S = 240.0
REQUEST = CallRequest(
    messages=(
        Message(role="system", text="You write Python."),
        Message(role="user", text="Write a function that adds two numbers."),
    ),
    output_tokens_max=24,
    wall_s=WALL_S,
    seed=7,
    temperature=0.8,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OllamaServer]:
    with ollama_server(tmp_path_factory.mktemp("ollama")) as server:
        yield server


@pytest.fixture
def model(server: OllamaServer) -> OllamaModel:
    return OllamaModel(base_url=server.address, model=MODEL, context_tokens=CONTEXT_TOKENS)


async def failed(model: OllamaModel, request: CallRequest) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        await model.complete(request)
    await model.close()
    return caught.value


async def test_an_answer_is_limited_counted_and_the_same_for_the_same_seed(model: OllamaModel) -> None:
    first, again = await model.complete(REQUEST), await model.complete(REQUEST)
    other = await model.complete(replace(REQUEST, seed=8))
    await model.close()
    assert first.text == again.text
    assert first.text != other.text
    assert (first.finish, first.output_tokens) == ("length", 24)
    assert first.input_tokens
    assert 10 < first.input_tokens < 100
    assert (first.cost, first.estimated, first.model_reported) == (Decimal(0), False, MODEL)
    assert {"load_duration", "prompt_eval_duration", "eval_duration"} <= set(first.raw)


async def test_the_bound_covers_the_charge(model: OllamaModel) -> None:
    result = await model.complete(REQUEST)
    await model.close()
    assert result.tokens
    assert result.tokens <= model.bound(REQUEST).tokens


async def test_a_stop_word_ends_an_answer(model: OllamaModel) -> None:
    result = await model.complete(replace(REQUEST, stop=("\n",)))
    await model.close()
    assert "\n" not in (result.text or "")
    assert result.finish == "stop"


async def test_a_long_prompt_is_refused_and_not_cut(model: OllamaModel) -> None:
    words = Message(role="user", text="word " * 3 * CONTEXT_TOKENS)
    failure = await failed(model, replace(REQUEST, messages=(words,)))
    assert (failure.failure, failure.costs_nothing) == ("context_overflow", True)


async def test_errors_of_the_server_have_a_kind(server: OllamaServer, model: OllamaModel) -> None:
    failure = await failed(model, replace(REQUEST, tools=TOOLS))
    assert failure.failure == "bad_request"
    assert "does not support tools" in str(failure)
    unknown = OllamaModel(base_url=server.address, model="llama3.2:1b")
    failure = await failed(unknown, REQUEST)
    assert (failure.failure, failure.costs_nothing) == ("unknown_model", True)


async def test_the_server_describes_the_model_and_a_changed_model_is_not_called(server: OllamaServer) -> None:
    server.create("changing")
    described = await ask_about(server.address, "changing", None)
    assert described.digest is not None
    assert (described.context_tokens, described.tools, described.cloud) == (8192, False, False)
    assert described.parameters == 134_515_008
    model = OllamaModel(
        base_url=server.address, model="changing", model_digest=described.digest, context_tokens=CONTEXT_TOKENS
    )
    assert (await model.complete(REQUEST)).model_digest == described.digest
    await asyncio.to_thread(server.create, "changing", "PARAMETER temperature 0.1")
    failure = await failed(model, REQUEST)
    assert (failure.failure, failure.costs_nothing) == ("bad_settings", True)
    assert "no longer the model that was hired" in str(failure)


async def test_a_cancelled_call_frees_the_server(model: OllamaModel) -> None:
    long = asyncio.create_task(model.complete(replace(REQUEST, output_tokens_max=400)))
    await asyncio.sleep(2)
    long.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long
    assert (await model.complete(REQUEST)).output_tokens == 24
    await model.close()


def test_the_script_builds_this_version() -> None:
    root = Path(__file__).parents[2]
    assert f"OLLAMA={VERSION}\n" in (root / ".ci" / "ollama").read_text()
