"""Cases of Ollama alone."""

from collections.abc import Callable
from typing import Any

from agents.employees.contract import ToolCall
from tests.loopback import Reply
from tests.wires.cases import GOOD, NOTHING, READ, Case, called, topped
from tests.wires.wire import Wire, events, sends


def message(**fields: Any) -> Callable[[Wire], Reply]:
    """Return a server with a good answer whose message has these fields."""
    return lambda wire: sends(200, wire.body(GOOD) | {"message": {"role": "assistant", "content": GOOD, **fields}})


def call(**function: Any) -> dict[str, Any]:
    return {"function": {"name": "read_file", "arguments": {"path": "a.py"}, **function}}


def own_error(status: int, text: str) -> Callable[[Wire], Reply]:
    """Return a server with an error of its own: a text, without a status in the body."""
    return lambda _wire: sends(status, {"error": text})


OLLAMA = (
    Case("the end of a connection", topped(done_reason=""), finish="other"),
    Case("no reason and no end", topped(done=False), "connection", "bound", says=("before the answer did",)),
    Case("a model that was loaded", topped(done_reason="load", message={"role": "assistant", "content": ""}), "empty"),
    Case(
        "a call without an id", message(content="", tool_calls=[call()]), text=None, finish="tool", calls=called(READ)
    ),
    Case(
        "arguments as a text",
        message(content="", tool_calls=[call(arguments='{"path": "a.py"}')]),
        text=None,
        finish="tool",
        calls=called(READ),
    ),
    Case(
        "arguments that are no JSON",
        message(content="", tool_calls=[call(arguments='{"path": ')]),
        text=None,
        finish="tool",
        calls=(("read_file", None),),
    ),
    Case(
        "arguments that are a list",
        message(content="", tool_calls=[call(arguments=[1])]),
        text=None,
        finish="tool",
        calls=(("read_file", None),),
    ),
    Case(
        "a call without arguments",
        message(content="", tool_calls=[call(arguments=None)]),
        text=None,
        finish="tool",
        calls=(("read_file", {}),),
    ),
    Case(
        "a call without a name",
        message(content="", tool_calls=[{"function": {"arguments": {}}}]),
        text=None,
        finish="tool",
        calls=(("", {}),),
    ),
    Case("calls that are texts", message(tool_calls=["x", {"function": "x"}])),
    Case("more calls than anybody needs", message(tool_calls=[call()] * 129), "too_large", finish="tool"),
    Case("content that is a list", message(content=[{"text": GOOD}]), "malformed_response", "bound"),
    Case("no message", topped(message=None), "malformed_response", "bound", says=("no message",)),
    Case("an answer inside the thinking", message(content="", thinking=GOOD)),
    Case(
        "thinking that was cut",
        lambda wire: sends(200, wire.body("", thinking="hm", end="length")),
        "truncated",
    ),
    Case(
        "lines with an empty one", lambda wire: sends(200, events(wire.stream(wire.body(GOOD))).replace(b"\n", b"\n\n"))
    ),
    Case(
        "lines that end with an error",
        lambda wire: sends(200, events([*wire.stream(wire.body(GOOD))[:2], {"error": "unexpected EOF", "done": True}])),
        "overloaded",
        "bound",
        says=("unexpected EOF",),
    ),
    Case(
        "an unknown model",
        own_error(404, "model 'llama-3.1-8b-instant' not found"),
        "unknown_model",
        NOTHING,
        says=("not found",),
    ),
    Case(
        "a model that must be pulled",
        own_error(404, 'model "m" not found, try pulling it first'),
        "unknown_model",
        NOTHING,
    ),
    Case("no model", own_error(400, "model is required"), "bad_request", NOTHING),
    Case(
        "a prompt past the context",
        own_error(400, "the input length exceeds the context length"),
        "context_overflow",
        NOTHING,
    ),
    Case(
        "too little memory",
        own_error(500, "model requires more system memory (12.1 GiB) than is available (3.4 GiB)"),
        "bad_settings",
        NOTHING,
        says=("12.1 GiB",),
    ),
    Case(
        "too many requests in its queue",
        own_error(503, "server busy, please try again.  maximum pending requests exceeded"),
        "overloaded",
        NOTHING,
        says=("server busy",),
    ),
    Case(
        "a runner that ended",
        own_error(500, "llama runner process has terminated: exit status 2"),
        "overloaded",
        NOTHING,
    ),
    Case(
        "a model without tools",
        own_error(400, "registry.ollama.ai/library/smol:latest does not support tools"),
        "bad_request",
        NOTHING,
        says=("does not support tools",),
    ),
    Case("a cloud model without a log-in", own_error(401, "unauthorized"), "auth", NOTHING),
    Case(
        "several answers of one call",
        lambda wire: sends(
            200, events(wire.stream(wire.body(None, calls=(READ, ToolCall(id="b", name="run", arguments={})))))
        ),
        text=None,
        finish="tool",
        calls=(*called(READ), ("run", {})),
    ),
)
