"""The real embedded model: its server starts and answers both employees, and its snapshot names the weights."""

import asyncio
import re
import socket
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from uuid import UUID

import pytest
from msgspec.structs import replace

from agents.briefs.brief import Brief, BriefCriterion
from agents.employees.call_errors import CallFailed
from agents.employees.contract import CallLimits, ModelResult
from agents.employees.conversation import CallRequest, Message
from agents.employees.discovery.questions import place_of
from agents.employees.discovery.servers import look_at
from agents.employees.model_employee import ModelEmployee
from agents.employees.prompts import Style
from agents.employees.providers.anthropic import AnthropicModel
from agents.employees.providers.llama_cpp import embedded_employee
from agents.employees.providers.llama_cpp_server import (
    HOST,
    MODEL_NAME,
    SLOT_CONTEXT_TOKENS,
    model_available,
    model_digest,
)
from agents.employees.providers.openai import OpenAIModel
from agents.employees.providers.openai_responses import OpenAIResponsesModel
from agents.employees.providers.remote_model import RemoteModel
from tests.orders import order

REASON = model_available()
pytestmark = [
    pytest.mark.real_model,
    pytest.mark.skipif(REASON is not None, reason=f"the embedded model is not available: {REASON}"),
]
READY_WALL_S = 60.0
ATTEMPTS_MAX = 8
LIMITS = CallLimits(output_tokens_max=96, wall_s=60.0, cost_usd_max=Decimal(0))
EASY = Brief(
    title="Small tools",
    prose="",
    task="T1",
    criteria=(BriefCriterion(id="A1", says="`reverse_text(text)` returns the text backwards"),),
    paths=("reverse_text.py",),
    signatures=("def reverse_text(text)",),
)


def hired(style: Style, base_url: str) -> ModelEmployee:
    return embedded_employee(id=UUID(int=1), name=style, base_url=base_url, style=style)


@pytest.fixture
async def model_url() -> AsyncIterator[str]:
    """Yield the address of the ready embedded server."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "agents.employees.providers.llama_cpp_server",
        "--port",
        str(port),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert server.stdout is not None
        async with asyncio.timeout(READY_WALL_S):
            assert str(port).encode() in await server.stdout.readline()
        yield f"http://{HOST}:{port}/v1"
    finally:
        server.terminate()
        async with asyncio.timeout(READY_WALL_S):
            await server.wait()


async def solved(employee: ModelEmployee) -> ModelResult | None:
    """Return the first answer that reverses by slicing or by `reversed`, within the allowed attempts."""
    for seed in range(ATTEMPTS_MAX):
        try:
            answer = await employee.work(order(brief=EASY, limits=LIMITS, seed=seed))
        except CallFailed:
            continue
        written = answer.files.get("reverse_text.py", b"")
        if re.search(rb"def reverse_text\(text\).*(?:\[::-1\]|reversed)", written, re.S):
            return answer.result
    return None


async def test_both_employees_solve_an_easy_function(model_url: str) -> None:
    for style in ("chat", "grammar"):
        employee = hired("chat" if style == "chat" else "grammar", model_url)
        result = await solved(employee)
        await employee.close()
        assert result is not None, style
        assert result.model_digest == model_digest()
        assert result.provider == "llama.cpp"
        assert "xllamacpp" in result.sdk
        assert result.cost == 0
        assert result.input_tokens
        assert result.output_tokens


async def test_the_grammar_holds_the_signature_whatever_the_seed(model_url: str) -> None:
    employee = hired("grammar", model_url)
    for seed in range(3):
        answer = await employee.work(order(brief=EASY, limits=LIMITS, seed=seed))
        assert answer.files["reverse_text.py"].startswith(b"def reverse_text(text):\n    ")
    await employee.close()


async def test_a_prompt_beyond_the_context_is_refused_by_the_server(model_url: str) -> None:
    employee = hired("chat", model_url)
    long = Brief(title="t", prose="word " * 5000, task="T1", criteria=(), paths=("a.py", "b.py"))
    with pytest.raises(CallFailed) as raised:
        await employee.work(order(brief=long, limits=LIMITS))
    assert raised.value.failure == "context_overflow"
    assert (await employee.probe()).text
    await employee.close()


@pytest.mark.parametrize("kind", [OpenAIModel, OpenAIResponsesModel, AnthropicModel], ids=lambda kind: kind.__name__)
async def test_each_api_of_a_real_server_answers(kind: type[RemoteModel], model_url: str) -> None:
    """llama.cpp's server speaks three APIs: no double, and no vendor."""
    model = kind(base_url=model_url, model="smollm2", price="zero")
    asked = (Message(role="system", text="Answer in one word."), Message(role="user", text="Say hello."))
    request = CallRequest(messages=asked, output_tokens_max=24, wall_s=60.0, temperature=0.0)
    result = await model.complete(request)
    assert (result.provider, result.cost, result.estimated) == (kind.provider, Decimal(0), False)
    assert result.finish in ("stop", "length")
    assert result.text
    assert result.tokens == (result.input_tokens or 0) + (result.output_tokens or 0)
    assert 0 < result.tokens <= model.bound(request).tokens
    assert (await model.probe()).request_id
    with pytest.raises(CallFailed) as raised:
        await model.complete(replace(request, messages=(Message(role="user", text="word " * 5000),)))
    assert raised.value.failure == "context_overflow"
    await model.close()


async def test_a_port_in_use_ends_the_server_with_a_reason() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        server = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "agents.employees.providers.llama_cpp_server",
            "--port",
            str(taken.getsockname()[1]),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(READY_WALL_S):
            _, stderr = await server.communicate()
    assert server.returncode == 69
    assert b"port" in stderr.lower()


async def test_the_server_is_discovered_with_its_context(model_url: str) -> None:
    server = await look_at(place_of(model_url))
    (model,) = server.models
    assert (server.kind, server.address) == ("llama.cpp", model_url)
    assert (model.name, model.context_tokens) == (MODEL_NAME, SLOT_CONTEXT_TOKENS)
