"""Doubles of the providers that play the scripted turns of a coding agent, each in the agent's wire format.

They are doubles: no model decides anything. Each knows the name of the agent's own tool for commands. The turns ask
this tool to run a command; so the file that a test finds afterwards was made by the agent's own tool.
"""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from agents.gateway.refusals import WireName
from tests.provider_double import Act, Provider, Seen, wire_of
from tests.providers import (
    OUTPUT_TOKENS,
    answering,
    begin,
    body,
    chunk,
    event,
    first,
    last,
    tool_call,
    usage,
    wants_stream,
    write,
)

FINAL = "The work is done, says the double."
COMMANDS: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "claude": ("Bash", "command", {"description": "a command of the double"}),
    "codex": ("exec_command", "cmd", {}),
    "gemini": ("run_shell_command", "command", {"description": "a command of the double"}),
    "qwen-code": ("run_shell_command", "command", {"description": "a command", "is_background": False}),
    "opencode": ("bash", "command", {"description": "a command of the double"}),
    "mini-swe-agent": ("bash", "command", {}),
}
"""Agent -> the name of its tool for commands, the argument with the command, and its other arguments."""
_SUBMIT = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
_ID = re.compile(rb"(call_|fc_|toolu_)1")
_RESULTS = {"chat": '"role": "tool"', "responses": '"function_call_output"', "messages": '"tool_result"'}


def turns_of(agent: str, commands: Sequence[str]) -> Act:
    """Play one turn for each command, and then the last answer. aider has no tools: see `edits`."""
    name, argument, others = COMMANDS[agent]
    commands = [*commands, _SUBMIT] if agent == "mini-swe-agent" else list(commands)

    return calls_of([(name, {argument: command, **others}) for command in commands])


def calls_of(calls: Sequence[tuple[str, dict[str, Any]]]) -> Act:
    """Play one turn for each call of a tool (its name and arguments), and then the last answer."""

    async def act(double: Provider, writer: asyncio.StreamWriter, seen: Seen) -> None:
        done = results_in(seen)
        if not seen.body.get("tools") or done >= len(calls):
            await answering(FINAL)(double, writer, seen)
            return
        double.billed_tokens += seen.input_tokens + OUTPUT_TOKENS
        _ask(writer, seen, str(done + 1), *calls[done])

    return act


def edits(path: str, text: str) -> Act:
    """Answer with a whole file, in the form that aider expects by default."""
    return answering(f"I write the file.\n\n{path}\n```\n{text}```\n")


def results_in(seen: Seen) -> int:
    """Return the number of tool results in a request."""
    wire = wire_of(seen)
    if wire == "gemini":
        parts = [part for content in seen.body["contents"] for part in content.get("parts", ())]
        return sum("functionResponse" in part for part in parts)
    messages = seen.body.get("input") if wire == "responses" else seen.body.get("messages")
    return json.dumps(messages).count(_RESULTS[wire])


def _ask(writer: asyncio.StreamWriter, seen: Seen, id: str, name: str, arguments: dict[str, Any]) -> None:
    """Answer with one tool call, whole or as a stream.

    Agents drop a second call with the same id, and join two messages with the same id.
    """
    wire = wire_of(seen)
    if not wants_stream(seen):
        write(writer, 200, json.dumps(_whole(seen, id, name, arguments)).encode())
        return
    begin(writer)
    opening = first(wire, seen.input_tokens)[:1] if wire == "messages" else first(wire, seen.input_tokens)
    asked = [_ID.sub(rb"\g<1>" + id.encode(), piece) for piece in tool_call(wire, name, arguments)]
    opening = [piece.replace(b'"m-1"', f'"m-turn-{id}"'.encode()) for piece in opening]
    for piece in (*opening, *asked, *_closing(wire, seen.input_tokens)):
        writer.write(chunk(piece))
    writer.write(b"0\r\n\r\n")


def _closing(wire: WireName, asked: int) -> list[bytes]:
    events = last(wire, asked, OUTPUT_TOKENS)
    if wire == "responses":
        answer = {**body(wire, "", usage(wire, asked, OUTPUT_TOKENS)), "output": []}
        return [event({"type": "response.completed", "response": answer}, "response.completed")]
    if wire == "messages":
        return [piece.replace(b"end_turn", b"tool_use") for piece in events[1:]]
    if wire == "chat":
        return [piece.replace(b'"finish_reason": "stop"', b'"finish_reason": "tool_calls"') for piece in events]
    return events


def _whole(seen: Seen, id: str, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return a whole answer of chat completions with one tool call."""
    assert wire_of(seen) == "chat", "only chat completions are asked without a stream"
    answer = body("chat", "", usage("chat", seen.input_tokens, OUTPUT_TOKENS))
    call = {"id": f"call_{id}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    answer["choices"] = [{"index": 0, "finish_reason": "tool_calls", "message": message}]
    return answer
