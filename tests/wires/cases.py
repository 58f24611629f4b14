"""The cases that every model behind a vendor's server passes, as data."""

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.employees.call_errors import CallFailure
from agents.employees.contract import Finish, ToolCall
from tests.behaviours.breaking import babbles, closes, resets
from tests.loopback import Reply, cut, cut_chunks, drip, hang
from tests.wires.wire import KEY, USED, Wire, events, sends

GOOD = "def double(number):\n    return 2 * number\n"
READ = ToolCall(id="toolu_1", name="read_file", arguments={"path": "a.py"}, text='{"path":"a.py"}')
RUN = ToolCall(id="toolu_2", name="run", arguments={"command": "ls", "deep": {"n": [1, 2.5, None]}})
ESTIMATED, BOUND, NOTHING = "estimated", "bound", "nothing"
Charge = tuple[int, int, int] | str
"""Tokens of prompt, answer and cache; or: computed from the bytes, the upper bound, no charge."""


@dataclass(frozen=True)
class Case:
    """A behaviour of a server and the wanted result. `says`: words of the failure's message."""

    name: str
    reply: Callable[[Wire], Reply | None]
    failure: CallFailure | None = None
    charge: Charge = USED
    text: str | None = GOOD
    finish: Finish = "stop"
    calls: tuple[tuple[str, Any], ...] = ()
    says: tuple[str, ...] = ()
    requests: int | None = 1
    wait_s: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    wall_s: float = 60.0


def answer(**fields: Any) -> Callable[[Wire], Reply]:
    """Return a server with a good answer."""
    fields = {"text": GOOD} | fields
    return lambda wire: sends(200, wire.body(**fields), x_request_id="req-7")


def topped(**fields: Any) -> Callable[[Wire], Reply]:
    """Return a server with a good answer that has other fields at its top."""
    return lambda wire: sends(200, wire.body(GOOD) | fields)


def plain(status: int, body: Any, **headers: str) -> Callable[[Wire], Reply]:
    """Return a server that sends the same to every client."""
    return lambda _wire: sends(status, body, **headers)


def changed(change: Callable[[bytes], bytes], **headers: str) -> Callable[[Wire], Reply]:
    """Return a server whose good answer has other bytes."""
    return lambda wire: sends(200, change(json.dumps(wire.body(GOOD)).encode()), **headers)


def streamed(**fields: Any) -> Callable[[Wire], Reply]:
    """Return a server whose good answer is a stream of events."""
    fields = {"text": GOOD} | fields
    return lambda wire: sends(200, events(wire.stream(wire.body(**fields))), content_type="text/event-stream")


def used(**counts: Any) -> Callable[[Wire], Reply]:
    """Return a server with odd counts. The text of its answer is `text`."""
    return lambda wire: sends(200, wire.usage(**counts))


def refuses(
    status: int, failure: CallFailure, message: str, *says: str, wait_s: float | None = None, **headers: str
) -> Case:
    """Return a server with an error in the vendor's form."""

    def reply(wire: Wire) -> Reply:
        return sends(status, wire.error(status, message), **headers)

    return Case(f"{status} {message[:60]}", reply, failure, NOTHING, says=says or (message[:60],), wait_s=wait_s)


def always(reply: Reply) -> Callable[[Wire], Reply]:
    return lambda _wire: reply


def called(*calls: ToolCall) -> tuple[tuple[str, Any], ...]:
    return tuple((call.name, call.arguments) for call in calls)


ANSWERS = (
    Case("plain", answer()),
    Case("one call", answer(text=None, calls=(READ,)), text=None, finish="tool", calls=called(READ)),
    Case("several calls", answer(text=None, calls=(READ, RUN)), text=None, finish="tool", calls=called(READ, RUN)),
    Case("text and a call", answer(calls=(RUN,)), finish="tool", calls=called(RUN)),
    Case("a call and thinking", answer(calls=(RUN,), thinking="hm"), finish="tool", calls=called(RUN)),
    Case("thinking", answer(thinking="Let me see.")),
    Case("cut at its length", answer(end="length"), finish="length"),
    Case("cut before any text", answer(text=None, end="length"), "truncated", says=("before it had any text",)),
    Case("a refusal", answer(text=None, end="blocked"), "blocked", says=("declined to answer",)),
    Case("a refusal with words", answer(text="I will not.", end="blocked"), "blocked"),
    Case("an end of a new kind", answer(end="BRAND_NEW"), finish="other"),
    Case("no end", answer(end=None), finish="other"),
    Case("empty", answer(text=""), "empty", says=("is empty",)),
    Case("white space", answer(text=" \n\t "), "empty"),
    Case("nothing", answer(text=None), "empty"),
    Case(
        "odd Unicode",
        changed(lambda body: body.replace(b"def double", b"\\ud83d\\u0000\\u202e\\ud83d\\ude00")),
        text=GOOD.replace("def double", "\ufffd\ufffd\u202e\U0001f600"),
    ),
    Case("a long text", answer(text="x" * 300_000), text="x" * 300_000),
    Case("the key in the text", answer(text=f"{GOOD}{KEY}"), text=f"{GOOD}[key]"),
    Case("gzip", changed(gzip.compress, content_encoding="gzip")),
    Case("a byte order mark", changed(lambda body: b"\xef\xbb\xbf" + body)),
    Case("comments first", changed(lambda body: b": wait\n: wait\n" + body)),
    Case("a list of one", changed(lambda body: b"[" + body + b"]")),
    Case("another type of content", changed(lambda body: body, content_type="text/plain")),
)
CHARGES = (
    Case("no usage", answer(used=None), charge=ESTIMATED),
    Case(
        "no usage, with a call", answer(used=None, calls=(READ,)), charge=ESTIMATED, finish="tool", calls=called(READ)
    ),
    Case("no usage, cut", answer(used=None, end="length"), charge=BOUND, finish="length"),
    Case("no usage, empty", answer(used=None, text=""), "empty", ESTIMATED),
    Case("counts as words", used(asked="many", made="few"), charge=ESTIMATED, text="text"),
    Case("counts of zero", used(asked=0, made=0), charge=ESTIMATED, text="text"),
    Case("counts below zero", used(asked=-4, made=-1), charge=ESTIMATED, text="text"),
    Case("counts without end", used(asked=10**30, made=10**30), charge=ESTIMATED, text="text"),
    Case("counts as truth values", used(asked=True, made=True), charge=ESTIMATED, text="text"),
    Case("counts as fractions", used(asked=40.0, made=11.5), charge=(40, 12, 0), text="text"),
    Case("counts as texts", used(asked="40", made="12"), charge=(40, 12, 0), text="text"),
)
STREAMS = (
    Case("a stream though nobody asked", streamed()),
    Case(
        "a stream of calls", streamed(text=None, calls=(READ, RUN)), text=None, finish="tool", calls=called(READ, RUN)
    ),
    Case("a stream with thinking", streamed(thinking="Let me see.", calls=(READ,)), finish="tool", calls=called(READ)),
    Case("a stream that is cut at its length", streamed(end="length"), finish="length"),
    Case(
        "a stream with comments and an odd event",
        lambda wire: sends(200, b": wait\n\ndata: nothing\n\n" + events(wire.stream(wire.body(GOOD)))),
    ),
    Case(
        "odd Unicode in a stream",
        lambda wire: sends(200, events(wire.stream(wire.body(GOOD))).replace(b"def dou", b"\\ud83d\\u0000")),
        text=GOOD.replace("def dou", "\ufffd\ufffd"),
    ),
    Case(
        "a cut stream",
        lambda wire: sends(200, events(wire.stream(wire.body(GOOD))[:4])),
        "connection",
        BOUND,
        says=("before the answer did",),
    ),
    Case(
        "a stream that is cut in an event",
        lambda wire: sends(200, events(wire.stream(wire.body(GOOD)))[:400]),
        "connection",
        BOUND,
    ),
    Case(
        "an error in a stream",
        lambda wire: sends(
            200, events([*wire.stream(wire.body(GOOD))[:3], wire.error(529, "Overloaded") | {"request_id": None}])
        ),
        "overloaded",
        BOUND,
        says=("Overloaded",),
    ),
)
ODD = (
    Case("a page", plain(200, b"<html><body>Please sign in</body>"), "malformed_response", BOUND, says=("sign in",)),
    Case("nothing at all", plain(200, b""), "malformed_response", BOUND),
    Case("half of the JSON", changed(lambda body: body[:40]), "malformed_response", BOUND),
    Case("other JSON", plain(200, {"hello": 1}), "malformed_response", BOUND),
    Case("a number", plain(200, b"5"), "malformed_response", BOUND, says=("not a JSON object",)),
    Case("deep JSON", plain(200, b"[" * 100_000), "malformed_response", BOUND),
    Case("a huge body", plain(200, b" " * (17 * 1024**2)), "too_large", BOUND, says=("16 MiB",)),
    Case("no gzip though it says so", plain(200, b"{}", content_encoding="gzip"), "malformed_response", BOUND),
    Case(
        "an error with 200",
        lambda wire: sends(200, wire.error(429, "slow down")),
        "rate_limit",
        NOTHING,
        says=("slow down",),
    ),
    Case(
        "an error with 200 and the key",
        lambda wire: sends(200, wire.error(400, f"odd {KEY}")),
        "bad_request",
        NOTHING,
        says=("odd [key]",),
    ),
)
STATUSES = (
    refuses(400, "bad_request", "messages: what?"),
    refuses(400, "context_overflow", "prompt is too long: 210000 tokens > 200000 maximum"),
    refuses(400, "payment", "Your credit balance is too low to access the API."),
    refuses(400, "auth", "API key not valid. Please pass a valid API key."),
    refuses(400, "region", "User location is not supported for the API use."),
    refuses(401, "auth", f"invalid key {KEY}", "invalid key [key]", "answered 401"),
    refuses(402, "payment", "pay first"),
    refuses(403, "forbidden", "You may not use this."),
    refuses(404, "not_found", "no such route"),
    refuses(408, "timeout", "too slow"),
    refuses(409, "overloaded", "conflict"),
    refuses(413, "request_too_large", "Request exceeds the maximum size"),
    refuses(422, "bad_request", "what?"),
    refuses(429, "rate_limit", "slow down"),
    refuses(429, "rate_limit", "slow down for seconds", wait_s=7, retry_after="7"),
    refuses(429, "rate_limit", "slow down for milliseconds", wait_s=0.25, retry_after_ms="250"),
    refuses(429, "rate_limit", "Please retry in 25.5s.", wait_s=25.5),
    refuses(500, "overloaded", "internal error"),
    refuses(502, "overloaded", "bad gateway"),
    refuses(503, "overloaded", "The model is overloaded. Please try again later."),
    refuses(504, "overloaded", "deadline"),
    refuses(529, "overloaded", "Overloaded", wait_s=3, retry_after="3"),
    Case("a page with 502", plain(502, b"<h1>Bad gateway</h1>"), "overloaded", NOTHING, says=("502: Bad gateway",)),
    Case("a page with 404", plain(404, b"<h1>Nothing here</h1>"), "not_found", NOTHING, says=("Nothing here",)),
    Case("a text with 500", plain(500, b'"a JSON text"'), "overloaded", NOTHING),
    Case("bytes with 400", plain(400, b"\xff\xfe\x00"), "bad_request", NOTHING, says=("answered 400",)),
    Case("nothing with 503", plain(503, b""), "overloaded", NOTHING, says=("without a message",)),
    Case("deep JSON with 400", plain(400, b'{"error":' * 5000), "bad_request", NOTHING),
    Case(
        "a redirect to another host",
        plain(307, b"", location="http://localhost:1/x"),
        "moved",
        NOTHING,
        says=("the new address is http://localhost:1/x",),
    ),
    Case("a redirect without an address", plain(302, b""), "moved", NOTHING),
)
BREAKS = (
    Case("closed without a word", always(closes), "connection", BOUND),
    Case("reset", always(resets), "connection", BOUND),
    Case("no HTTP", always(babbles), "connection", BOUND),
    Case("a body that ends early", always(cut), "connection", BOUND),
    Case("chunks that end early", always(cut_chunks), "connection", BOUND),
    Case("no answer", always(hang), "timeout", BOUND, says=("within 1 s",), wall_s=1.0),
    Case("a byte now and then", always(drip), "timeout", BOUND, says=("within 1 s",), wall_s=1.0),
    Case(
        "nobody listens",
        always(closes),
        "connection",
        NOTHING,
        says=("cannot be reached",),
        requests=None,
        settings={"base_url": "http://127.0.0.1:1"},
    ),
    Case(
        "an address that is none",
        always(closes),
        "bad_settings",
        NOTHING,
        says=("is not an address",),
        requests=None,
        settings={"base_url": "127.0.0.1:8080"},
    ),
    Case(
        "a key with an odd character",
        answer(),
        "bad_settings",
        NOTHING,
        requests=0,
        settings={"key": "sk-\u200b0123456789"},
    ),
)
CASES = (*ANSWERS, *CHARGES, *STREAMS, *ODD, *STATUSES, *BREAKS)
