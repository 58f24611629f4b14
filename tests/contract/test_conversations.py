"""Conversations with tools: the messages, calls and results that a provider receives."""

import json

from agents.employees.contract import ToolCall
from agents.employees.conversation import Message
from tests.wires.anthropic import AnthropicWire
from tests.wires.cases import GOOD, READ, RUN
from tests.wires.conversing import answered, assistant, each, said, sent
from tests.wires.gemini import GeminiWire
from tests.wires.played import ASKED, WIRES, request_of
from tests.wires.wire import KEY, Wire


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
