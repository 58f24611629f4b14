"""Recorded messages and answers of every wire format, in terms for people."""

import json
from typing import Any

import msgspec
import pytest

from agents.employees.contract import ToolCall
from agents.employees.conversation import Message
from agents.sessions.seen import SeenMessage, ToolResult, answer_in, message_in

CALL = ToolCall(id="c1", name="run", arguments={"command": "ls"}, text='{"command":"ls"}')
ARGUMENTS = {"command": "ls"}


def seen(message: dict[str, Any]) -> SeenMessage:
    return message_in(json.dumps(message).encode())


def test_a_message_of_a_session() -> None:
    asked = message_in(msgspec.json.encode(Message(role="assistant", text="I look.", calls=(CALL,))))
    assert (asked.is_answer, asked.text, asked.calls) == (True, "I look.", (CALL,))
    result = message_in(msgspec.json.encode(Message(role="tool", text="a.py", call_id="c1")))
    assert (result.is_answer, result.text, result.results) == (False, "", (ToolResult(call_id="c1", text="a.py"),))
    assert message_in(msgspec.json.encode(Message(role="user", text="No action."))).text == "No action."


ASKED: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "chat",
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "run", "arguments": '{"command":"ls"}'}}
            ],
        },
    ),
    (
        "messages",
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "c1", "name": "run", "input": ARGUMENTS},
            ],
        },
    ),
    (
        "gemini",
        {
            "role": "model",
            "parts": [{"text": "I look."}, {"functionCall": {"id": "c1", "name": "run", "args": ARGUMENTS}}],
        },
    ),
)
RESULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("chat", {"role": "tool", "tool_call_id": "c1", "content": "a.py"}),
    ("messages", {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "a.py"}]}),
    (
        "messages with blocks",
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "a.py"}]}],
        },
    ),
    ("responses", {"type": "function_call_output", "call_id": "c1", "output": "a.py"}),
    (
        "gemini",
        {"role": "user", "parts": [{"functionResponse": {"id": "c1", "name": "run", "response": {"output": "a.py"}}}]},
    ),
)


@pytest.mark.parametrize("message", [message for _, message in ASKED], ids=[name for name, _ in ASKED])
def test_an_assistant_s_message_of_a_coding_agent(message: dict[str, Any]) -> None:
    read = seen(message)
    assert (read.is_answer, read.text) == (True, "I look.")
    assert [(call.id, call.name, call.arguments) for call in read.calls] == [("c1", "run", ARGUMENTS)]


@pytest.mark.parametrize("message", [message for _, message in RESULTS], ids=[name for name, _ in RESULTS])
def test_a_result_of_a_coding_agent(message: dict[str, Any]) -> None:
    read = seen(message)
    assert (read.is_answer, read.results) == (False, (ToolResult(call_id="c1", text="a.py"),))


def test_a_call_of_responses_is_a_message_of_its_own() -> None:
    read = seen({"type": "function_call", "call_id": "c1", "name": "run", "arguments": '{"command":"ls"}'})
    assert (read.is_answer, read.calls) == (True, (CALL,))


ANSWERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("chat", {"choices": [{"message": ASKED[0][1], "finish_reason": "tool_calls"}]}),
    ("messages", {"type": "message", "stop_reason": "tool_use", **ASKED[1][1]}),
    ("gemini", {"candidates": [{"content": ASKED[2][1], "finishReason": "STOP"}]}),
    (
        "responses",
        {
            "object": "response",
            "status": "completed",
            "output": [
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
                {"type": "function_call", "call_id": "c1", "name": "run", "arguments": '{"command":"ls"}'},
            ],
        },
    ),
)


@pytest.mark.parametrize(("wire", "body"), ANSWERS, ids=[wire for wire, _ in ANSWERS])
def test_an_answer_of_a_coding_agent_s_model(wire: str, body: dict[str, Any]) -> None:
    read = answer_in(json.dumps(body).encode(), wire)
    assert read.text == "I look."
    assert [(call.name, call.arguments) for call in read.calls] == [("run", ARGUMENTS)]


def test_an_answer_as_a_stream() -> None:
    chunks = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "I "}}]},
        {"choices": [{"index": 0, "delta": {"content": "look."}, "finish_reason": "stop"}]},
    ]
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    assert answer_in(body.encode(), "chat").text == "I look."


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"7",
        b"{",
        b'{"role": 3, "text": []}',
        b'{"role":"user","content":{"a":1}}',
        b"[" * 100_000,
    ],
)
def test_content_of_an_unknown_form_is_shown_and_never_an_error(content: bytes) -> None:
    message_in(content)
    for wire in ("", "unknown"):
        answer_in(content, wire)
    for wire in ("chat", "responses", "messages", "gemini"):
        assert answer_in(content, wire).text == content.decode("utf-8", "replace"), wire


def test_a_cut_answer_is_shown_as_it_is() -> None:
    assert answer_in(b'{"role":"assistant","te\n[cut here: the rest is not kept]').text.startswith('{"role"')
