"""One case played to one model, and the differences from the wanted result."""

from dataclasses import dataclass

import msgspec
from pydantic import SecretStr

from agents.employees.call_errors import HINTS, CallFailed
from agents.employees.contract import ModelResult
from agents.employees.conversation import CallRequest, Message, Tool
from agents.employees.pricing import cost_of
from agents.employees.providers.remote_model import prompt_size
from agents.employees.usage import tokens_of
from tests.loopback import Loopback, Seen
from tests.wires.anthropic import AnthropicWire
from tests.wires.cases import BOUND, ESTIMATED, NOTHING, Case
from tests.wires.gemini import GeminiWire
from tests.wires.ollama import OllamaWire
from tests.wires.openai import OpenAIWire
from tests.wires.openai_responses import OpenAIResponsesWire
from tests.wires.wire import KEY, Wire

WIRES: tuple[Wire, ...] = (OpenAIWire(), OpenAIResponsesWire(), AnthropicWire(), GeminiWire(), OllamaWire())
LOOPBACK = "http://127.0.0.1"
TOOLS = (
    Tool(
        name="read_file",
        description="Read a file.",
        parameters={"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    ),
    Tool(name="run", description="Run a command.", parameters={"type": "object", "properties": {}}),
)
ASKED = (Message(role="system", text="You write Python."), Message(role="user", text="Write double()."))


def request_of(messages: tuple[Message, ...] = ASKED, *, wall_s: float = 60.0, tools: bool = True) -> CallRequest:
    return CallRequest(
        messages=messages, tools=TOOLS if tools else (), output_tokens_max=64, wall_s=wall_s, seed=7, stop=("END",)
    )


@dataclass(frozen=True)
class Done:
    """The end of a call. `result` is also set for a failure after an answer."""

    request: CallRequest
    result: ModelResult | None
    failure: CallFailed | None
    seen: list[Seen]


async def played(case: Case, wire: Wire, server: Loopback) -> Done:
    """Play a case to a model that has just been made."""
    settings = dict(case.settings)
    base_url = settings.pop("base_url", address(server))
    key = settings.pop("key", None)
    model = wire.model(base_url, **settings, **({"api_key": SecretStr(key)} if key else {}))
    request = request_of(wall_s=case.wall_s)
    try:
        result = await model.complete(request)
        return Done(request, result, None, list(server.seen))
    except CallFailed as failure:
        return Done(request, failure.result, failure, list(server.seen))
    finally:
        await model.close()


def address(server: Loopback) -> str:
    """Return the address of a double without the path of a version."""
    return server.base_url.removesuffix("/v1")


def faults(case: Case, wire: Wire, done: Done) -> list[str]:
    """Return each difference from the wanted result, one per line."""
    failure, result = done.failure, done.result
    pairs: list[tuple[str, object, object]] = [
        ("failure", failure.failure if failure else None, case.failure),
        ("charge", _charged(done), _wanted_charge(case, wire, done)),
    ]
    if case.requests is not None:
        pairs.append(("requests", len(done.seen), case.requests))
    if result is not None and case.failure is None:
        pairs += [
            ("text", result.text, case.text),
            ("finish", result.finish, case.finish),
            ("calls", tuple((call.name, call.arguments) for call in result.calls), case.calls),
            ("provider", result.provider, wire.provider),
            ("sent", result.request, {"model": wire.model_name, **done.seen[-1].body}),
        ]
    wrong = [f"{name}: {is_now!r} instead of {wanted!r}" for name, is_now, wanted in pairs if is_now != wanted]
    if failure is not None:
        wrong += [f"the message lacks {words!r}: {failure}" for words in case.says if words not in str(failure)]
        wrong += [] if failure.hint == HINTS[failure.failure] else ["no remedy"]
        if failure.retry_after_s != case.wait_s:
            wrong.append(f"waits {failure.retry_after_s} instead of {case.wait_s}")
    if KEY in f"{failure!s}{failure!r}" or (result and KEY in msgspec.json.encode(result).decode()):
        wrong.append("the key is shown")
    return wrong


def _charged(done: Done) -> object:
    if done.failure is not None and done.result is None:
        return NOTHING if done.failure.costs_nothing else BOUND
    assert done.result is not None
    result = done.result
    return BOUND if result.tokens is None else (result.tokens, result.cost, result.estimated)


def _wanted_charge(case: Case, wire: Wire, done: Done) -> object:
    charge = case.charge
    if charge in (NOTHING, BOUND):
        return charge
    if isinstance(charge, str):
        assert done.result is not None
        calls = "".join(f"{call.name}{call.text}" for call in done.result.calls)
        asked, made, cached = tokens_of(prompt_size(done.request)), tokens_of(len(f"{case.text or ''}{calls}")), 0
        if case.failure == "empty":
            made = 0
    else:
        asked, made, cached = charge
    price = cost_of(
        "genai-prices",
        base_url=LOOPBACK,
        model=wire.model_name,
        input_tokens=asked,
        output_tokens=made,
        cached_tokens=cached or None,
    )
    return (asked + made, price.usd, charge == ESTIMATED)
