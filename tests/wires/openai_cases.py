"""Cases of OpenAI's two APIs alone."""

from collections.abc import Callable
from typing import Any

from tests.loopback import Reply
from tests.wires.cases import BOUND, ESTIMATED, GOOD, NOTHING, READ, RUN, Case, called, topped
from tests.wires.wire import Wire, events, sends


def message(finish: str = "tool_calls", **fields: Any) -> Callable[[Wire], Reply]:
    """Return a server whose only choice has these fields in its message."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": None} | fields}
    return topped(choices=[choice])


def asked(*functions: Any, finish: str = "tool_calls") -> Callable[[Wire], Reply]:
    """Return a server whose answer calls these functions."""
    calls = [{"id": f"c{at}", "type": "function", "function": function} for at, function in enumerate(functions)]
    return message(finish, tool_calls=calls)


def deltas(*parts: dict[str, Any]) -> Callable[[Wire], Reply]:
    """Return a server with a stream of these parts of tool calls, one in each event."""
    chunks: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": {"tool_calls": [part]}}]} for part in parts]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    usage = {"usage": {"prompt_tokens": 40, "completion_tokens": 12, "prompt_tokens_details": {"cached_tokens": 8}}}
    return lambda _wire: sends(200, events([*chunks, end, usage]))


def tool(name: str, *calls: tuple[str, Any], reply: Callable[[Wire], Reply]) -> Case:
    return Case(name, reply, text=None, finish="tool", calls=calls)


READ_IT = {"name": "read_file", "arguments": '{"path": "a.py"}'}
CHAT = (
    tool("arguments that are no JSON", ("run", None), reply=asked({"name": "run", "arguments": '{"command": "ls'})),
    tool("arguments that are a list", ("run", None), reply=asked({"name": "run", "arguments": "[1]"})),
    tool("arguments that are empty", ("run", {}), reply=asked({"name": "run", "arguments": ""})),
    tool("no arguments", ("run", {}), reply=asked({"name": "run"})),
    tool(
        "arguments that are an object", *called(READ), reply=asked({"name": "read_file", "arguments": READ.arguments})
    ),
    tool(
        "one good and one bad call",
        *called(READ),
        ("run", None),
        reply=asked(READ_IT, {"name": "run", "arguments": "{"}),
    ),
    tool("a call without a name", ("", {}), reply=asked({"arguments": "{}"})),
    tool("a call without an id", *called(READ), reply=message(tool_calls=[{"function": READ_IT}])),
    tool("a call and stop", *called(READ), reply=asked(READ_IT, finish="stop")),
    tool("the older form of a call", *called(READ), reply=message("function_call", function_call=READ_IT)),
    Case("calls that are no list", message("stop", tool_calls={"a": 1}, content=GOOD)),
    Case("calls that are numbers", message("stop", tool_calls=[1, None], content=GOOD)),
    Case(
        "a call that is cut",
        asked({"name": "run", "arguments": '{"comm'}, finish="length"),
        text=None,
        finish="length",
        calls=(("run", None),),
    ),
    Case("more calls than anybody needs", asked(*[READ_IT] * 129), "too_large"),
    Case(
        "content in parts",
        message("stop", content=[{"type": "text", "text": GOOD[:9]}, {"type": "text", "text": GOOD[9:]}]),
    ),
    Case("an answer in the thinking", message("stop", reasoning_content=GOOD)),
    tool(
        "thinking beside a call is no answer",
        *called(READ),
        reply=message(reasoning="hm", tool_calls=[{"function": READ_IT}]),
    ),
    Case("a refusal in its own field", message("stop", refusal="I will not."), "blocked"),
    Case("no choices", topped(choices=[]), "malformed_response", BOUND),
    Case("null choices", topped(choices=None), "malformed_response", BOUND),
    Case("content that is a number", message("stop", content=5), "malformed_response", BOUND),
    tool(
        "a stream of calls without an index",
        *called(READ, RUN),
        reply=deltas(
            {"id": "a", "function": READ_IT},
            {"id": "b", "function": {"name": "run", "arguments": '{"command": "ls", '}},
            {"function": {"arguments": '"deep": {"n": [1, 2.5, null]}}'}},
        ),
    ),
    tool(
        "a stream of calls with one index",
        *called(READ, RUN),
        reply=deltas(
            {"index": 0, "id": "a", "function": READ_IT},
            {
                "index": 0,
                "id": "b",
                "function": {"name": "run", "arguments": '{"command": "ls", "deep": {"n": [1, 2.5, null]}}'},
            },
        ),
    ),
    tool(
        "a stream of a call whose id comes with every part",
        *called(READ),
        reply=deltas(
            {"index": 0, "id": "a", "function": {"name": "read_file", "arguments": '{"path"'}},
            {"index": 0, "id": "a", "function": {"arguments": ': "a.py"}'}},
        ),
    ),
    Case(
        "usage in another vendor's names", topped(usage={"input_tokens": 40, "output_tokens": 12}), charge=(40, 12, 0)
    ),
    Case("usage of null", topped(usage=None), charge=ESTIMATED),
    Case(
        "an unknown model",
        lambda wire: sends(404, wire.error(404, "The model `gpt-nope` does not exist")),
        "unknown_model",
        NOTHING,
    ),
    Case(
        "a quota that is used up",
        lambda _wire: sends(
            429,
            {
                "error": {
                    "message": "You exceeded your current quota, please check your plan and billing details.",
                    "type": "insufficient_quota",
                    "code": "insufficient_quota",
                }
            },
        ),
        "payment",
        NOTHING,
    ),
)


def output(*items: Any, **fields: Any) -> Callable[[Wire], Reply]:
    """Return a server whose response has these items."""
    return topped(output=list(items), **fields)


def function_call(**fields: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": "c1", "name": "run", "arguments": "{}"} | fields


def spoken(*parts: Any) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": list(parts)}


SAID = spoken({"type": "output_text", "text": GOOD})
RESPONSES = (
    tool("arguments that are no JSON", ("run", None), reply=output(function_call(arguments='{"command": "ls'))),
    tool("arguments that are empty", ("run", {}), reply=output(function_call(arguments=""))),
    tool(
        "arguments that are an object",
        *called(READ),
        reply=output(function_call(name="read_file", arguments=READ.arguments)),
    ),
    tool("a call without an id", ("run", {}), reply=output(function_call(call_id=None))),
    tool("a call without a name", ("", {}), reply=output(function_call(name=None))),
    Case("more calls than anybody needs", output(*[function_call()] * 129), "too_large"),
    Case("a refusal in a part", output(spoken({"type": "refusal", "refusal": "I will not."})), "blocked"),
    Case("items of a new kind", output({"type": "brand_new", "x": 1}, SAID)),
    Case(
        "two messages",
        output(spoken({"type": "output_text", "text": GOOD[:9]}), spoken({"type": "output_text", "text": GOOD[9:]})),
    ),
    Case("a text that is none", output(spoken({"type": "output_text", "text": 5})), "empty"),
    Case("content that is a text", output({"type": "message", "content": "x"}), "empty"),
    Case("no output", topped(output=None), "malformed_response", BOUND, says=("not a response",)),
    Case("output of texts", output("x"), "malformed_response", BOUND),
    Case(
        "a response that failed",
        output(status="failed", error={"code": "server_error", "message": "Sorry"}),
        "overloaded",
        says=("Sorry",),
        charge=BOUND,
    ),
    Case("a response that was cancelled", output(SAID, status="cancelled"), finish="other"),
    Case(
        "thinking counted",
        topped(usage={"input_tokens": 40, "output_tokens": 12, "output_tokens_details": {"reasoning_tokens": 5}}),
        charge=(40, 12, 0),
    ),
    Case("usage of null", topped(usage=None), charge=ESTIMATED),
)
