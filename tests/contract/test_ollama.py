"""The parts that only Ollama has: the digest of the hired model, options, and the time that a model stays loaded."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from agents.employees.call_errors import CallFailed
from agents.employees.providers.ollama import OllamaModel
from agents.employees.providers.ollama_models import described, found_in, models_in
from agents.employees.served_model import ServedModel
from tests.loopback import Reply, Seen, hang, loopback
from tests.wires.cases import GOOD
from tests.wires.ollama import OllamaWire, shown, tags
from tests.wires.played import address, request_of
from tests.wires.wire import KEY, sends

WIRE = OllamaWire()
NAME = WIRE.model_name
HIRED, OTHER = "aa" * 32, "bb" * 32


def serving(listed: Reply) -> Reply:
    """Return a double with this answer to /api/tags, and a good answer to /api/chat."""

    async def reply(writer: Any, seen: Seen) -> None:
        await (listed if seen.path == "/api/tags" else sends(200, WIRE.body(GOOD)))(writer, seen)

    return reply


async def test_the_hired_digest_is_checked_before_a_call_and_is_part_of_its_record() -> None:
    async with loopback(serving(sends(200, tags(("other:1b", OTHER), (f"{NAME}:latest", HIRED))))) as server:
        model = WIRE.model(address(server), model_digest=HIRED)
        result = await model.complete(request_of())
        await model.close()
    assert (result.text, result.model_digest) == (GOOD, HIRED)
    assert [(seen.method, seen.path) for seen in server.seen] == [("GET", "/api/tags"), ("POST", "/api/chat")]
    assert {seen.headers["authorization"] for seen in server.seen} == {f"Bearer {KEY}"}
    assert model.describe()["digest"] == HIRED


@pytest.mark.parametrize(
    ("listed", "failure", "says"),
    [
        (sends(200, tags((NAME, OTHER))), "bad_settings", "Its digest is bbbbbbbbbbbb, not aaaaaaaaaaaa"),
        (sends(200, tags(("other:1b", HIRED))), "unknown_model", "Its models: other:1b"),
        (sends(200, {"models": []}), "unknown_model", "has no model"),
        (sends(200, {"hello": 1}), "malformed_response", "no list of models"),
        (sends(404, b"404 page not found"), "not_found", "answered 404"),
        (sends(401, {"error": "unauthorized"}), "auth", "unauthorized"),
        (hang, "timeout", "within 1 s"),
    ],
    ids=["another digest", "another name", "no model", "other JSON", "no such path", "no right", "no answer"],
)
async def test_no_call_is_made_if_the_server_does_not_have_the_hired_model(
    listed: Reply, failure: str, says: str
) -> None:
    async with loopback(serving(listed)) as server:
        model = WIRE.model(address(server), model_digest=HIRED)
        with pytest.raises(CallFailed, match=says) as caught:
            await model.complete(request_of(wall_s=1.0 if failure == "timeout" else 60.0))
        await model.close()
    assert caught.value.failure == failure
    assert caught.value.costs_nothing is (failure != "timeout")
    assert [seen.path for seen in server.seen] == ["/api/tags"]


async def test_every_call_has_the_same_context_and_the_limits_of_the_request() -> None:
    async with loopback(sends(200, WIRE.body(GOOD))) as server:
        model = WIRE.model(address(server), context_tokens=9216)
        await model.complete(replace(request_of(), temperature=0.5, seed=2**40 + 5))
        await model.complete(replace(request_of(tools=False), stop=(), seed=None))
        await model.close()
    first, second = (seen.body for seen in server.seen)
    assert first["options"] == {"num_ctx": 9216, "num_predict": 64, "seed": 5, "temperature": 0.5, "stop": ["END"]}
    assert second["options"] == {"num_ctx": 9216, "num_predict": 64}
    assert (first["keep_alive"], "tools" in first, "tools" in second) == ("15m", True, False)


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/", "/api"])
async def test_the_address_of_another_api_of_the_server_is_accepted(ending: str) -> None:
    async with loopback(sends(200, WIRE.body(GOOD))) as server:
        model = WIRE.model(address(server) + ending)
        await model.complete(request_of())
        await model.close()
    assert [seen.path for seen in server.seen] == ["/api/chat"]


async def test_a_local_model_costs_nothing_and_its_time_of_loading_is_recorded() -> None:
    async with loopback(sends(200, WIRE.body(GOOD))) as server:
        model = OllamaModel(base_url=address(server), model=NAME)
        result = await model.complete(request_of())
        await model.close()
    assert (result.cost, result.input_tokens, result.output_tokens, result.tokens) == (Decimal(0), 40, 12, 52)
    assert result.raw["load_duration"] == 900_000_000


def test_a_model_is_found_under_the_names_that_the_server_accepts() -> None:
    models = models_in(tags(("qwen2.5:7b", "a"), ("Smol:latest", "b"), ("hf.co/x/y:latest", "c")))
    digests = {
        name: model.digest
        for name in ("qwen2.5:7b", "smol", "SMOL:latest", "hf.co/x/y")
        if (model := found_in(models, name))
    }
    assert digests == {"qwen2.5:7b": "a", "smol": "b", "SMOL:latest": "b", "hf.co/x/y": "c"}
    assert found_in(models, "qwen2.5") is None


def test_what_a_server_says_about_a_model_is_read_and_what_it_does_not_say_is_unknown() -> None:
    model = ServedModel(name="m:latest", digest="a")
    assert described(model, shown("tools")) == replace(model, context_tokens=8192, tools=True)
    assert described(model, shown()) == replace(model, context_tokens=8192, tools=False)
    assert described(model, {"model_info": [], "capabilities": None}) == model
    assert described(model, {"model_info": {"x.context_length": "no"}, "remote_host": "https://ollama.com"}).cloud
