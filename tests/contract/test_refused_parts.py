"""Parts of a request that a server refuses: the call goes out again without them."""

import json

import pytest
from msgspec.structs import replace

from agents.employees.call_errors import CallFailed
from tests.loopback import loopback
from tests.wires.anthropic import AnthropicWire
from tests.wires.cases import GOOD, READ
from tests.wires.conversing import answered, assistant, each, picky, said
from tests.wires.gemini import GeminiWire
from tests.wires.openai import OpenAIWire
from tests.wires.openai_responses import OpenAIResponsesWire
from tests.wires.played import ASKED, address, request_of
from tests.wires.wire import Wire, sends

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
