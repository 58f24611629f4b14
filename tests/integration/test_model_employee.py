"""The employee that asks a model once: its request, the answers in tool calls, and what is reserved for a call."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from agents.employees.call_errors import CallFailed
from agents.employees.contract import ToolCall
from agents.employees.model_employee import ModelEmployee
from agents.employees.posting import Posting
from agents.employees.postings import build
from agents.employees.providers.table import PROVIDERS, profile_of
from agents.manager.briefing import prompt_tokens
from agents.manager.routing import call_bound_of
from tests.loopback import loopback
from tests.orders import BRIEF, LIMITS, order
from tests.wires.played import WIRES, address
from tests.wires.wire import Wire, sends

CODE = "def double(number):\n    return 2 * number\n"
PRICED = {"openai": "gpt-5", "anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash"}
ADDRESSES = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "gemini": "https://generativelanguage.googleapis.com",
}
each = pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)


def employee(wire: Wire, base_url: str) -> ModelEmployee:
    return ModelEmployee(id=UUID(int=4), name="ada", model=wire.model(base_url, price="zero"))


async def answered(wire: Wire, body: Any) -> Any:
    async with loopback(sends(200, body)) as server:
        ada = employee(wire, address(server))
        try:
            return await ada.work(order()), server.seen
        finally:
            await ada.close()


@each
async def test_an_answer_becomes_files_with_every_provider(wire: Wire) -> None:
    answer, (seen,) = await answered(wire, wire.body(f"```python\n{CODE}```"))
    assert answer.files == {"double.py": CODE.encode()}
    sent = wire.sent(seen)
    assert "careful Python programmer" in sent.system
    assert "double(2) == 4" in str(sent.turns)
    assert (sent.tools, sent.output_tokens_max) == ([], LIMITS.output_tokens_max)


@each
async def test_an_answer_in_a_call_of_a_tool_that_nobody_offered_is_an_answer(wire: Wire) -> None:
    call = ToolCall(id="c1", name="write_file", arguments={"path": "double.py", "content": CODE})
    answer, _ = await answered(wire, wire.body(None, calls=(call,)))
    assert answer.files == {"double.py": CODE.encode()}
    assert "def double" in answer.result.text, "the record has the answer as the employee read it"


@each
async def test_a_call_without_any_text_is_an_empty_answer(wire: Wire) -> None:
    with pytest.raises(CallFailed) as caught:
        await answered(wire, wire.body(None, calls=(ToolCall(id="c1", name="run", arguments={}),)))
    assert caught.value.failure == "empty"
    assert caught.value.result is not None


@each
async def test_an_answer_that_is_cut_before_its_code_ends_is_truncated(wire: Wire) -> None:
    with pytest.raises(CallFailed) as caught:
        await answered(wire, wire.body("```python\ndef double(n", end="length"))
    assert caught.value.failure == "truncated"


@pytest.mark.parametrize("kind", [kind for kind, provider in PROVIDERS.items() if provider.remote and kind in PRICED])
@pytest.mark.parametrize("long", [False, True], ids=["a short prompt", "a prompt at its limit"])
def test_the_managers_reservation_covers_the_call(kind: str, long: bool) -> None:
    posting = Posting(name="ada", kind=kind, base_url=ADDRESSES[kind], model=PRICED[kind], prompt_tokens_max=2000)
    brief = replace(BRIEF, prose="word " * 4000) if long else BRIEF
    profile, ada = profile_of(posting), build(posting, {})
    assert isinstance(ada, ModelEmployee)
    reserved = call_bound_of(profile, prompt_tokens(brief))
    limits = replace(LIMITS, output_tokens_max=posting.output_tokens_max, prompt_tokens_max=profile.prompt_tokens_max)
    bound = ada.upper_bound_cost(order(brief=brief, limits=limits))
    assert bound is not None
    assert Decimal(0) < bound <= reserved.usd
    assert reserved.usd <= (profile.call_usd_max or 0), "the control: a reservation is no more than the longest call"


async def test_a_model_for_a_session_is_the_model_itself() -> None:
    ada = employee(WIRES[0], "http://127.0.0.1:1")
    assert ada.model_for(order()) is ada.model
    assert (ada.provider, ada.scripted) == ("openai", False)
    assert ada.describe()["style"] == "chat"
