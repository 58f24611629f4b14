"""Servers that answer in unusual forms. Each answer contains the right text, or leads to a clear message."""

import gzip
import json
from typing import Any

from tests.behaviours.model import (
    BOUND,
    ESTIMATED,
    GOOD,
    NOTHING,
    REPORTED,
    Behaviour,
    Body,
    InTurn,
    answer,
    deltas,
    events,
    message,
    sends,
)
from tests.loopback import Reply, completion, honest

LINES = GOOD.splitlines(keepends=True)
CODE = "def double(number):\n    return 2 * number\n"
PLAIN = completion(GOOD)


def stream(body: bytes, content_type: str = "text/event-stream") -> Reply:
    return sends(200, body, content_type=content_type)


def bare(head: bytes, body: bytes) -> Reply:
    """Return a reply with a head that is written by hand."""

    async def reply(writer: Any, seen: Any) -> None:
        del seen
        writer.write(head + b"\r\n\r\n" + body)

    return reply


def changed(**fields: Any) -> Reply:
    """Return a good completion with changed fields in its choice."""

    def change(body: Body) -> None:
        body["choices"][0].update(fields)

    return answer(change)


def topped(**fields: Any) -> Reply:
    return answer(lambda body: body.update(fields))


def call(name: str, arguments: str) -> list[Body]:
    return [{"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}]


WRITES = call("write_file", json.dumps({"path": "double.py", "content": CODE}))
CHUNKED = b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in (PLAIN[:50], PLAIN[50:], b""))
REDIRECTED = "/v1/chat/completions/"
BEHAVIOURS = (
    Behaviour("as it should be", honest(GOOD)),
    Behaviour("events though nobody asked", stream(events(*deltas(*LINES)))),
    Behaviour("events with CR and LF", stream(events(*deltas(*LINES), end="\r\n\r\n"))),
    Behaviour("events without empty lines", stream(events(*deltas(*LINES), end="\n"))),
    Behaviour("events with comments", stream(b": ping\n\n" + events(*deltas(*LINES)).replace(b"\n\n", b"\n\n: x\n\n"))),
    Behaviour("events behind a byte order mark", stream(b"\xef\xbb\xbf" + events(*deltas(*LINES)))),
    Behaviour("events that say they are JSON", stream(events(*deltas(*LINES)), "application/json")),
    Behaviour(
        "events with names and ids", stream(events(*deltas(*LINES)).replace(b"data:", b"event: x\nid: 1\ndata:"))
    ),
    Behaviour("events without an end mark", stream(events(*deltas(*LINES), done=False))),
    Behaviour("events whose message is whole", stream(events(json.loads(PLAIN)))),
    Behaviour(
        "events of thinking beside the answer",
        stream(events(*deltas("hm", finish=None, usage=False, key="reasoning_content"), *deltas(*LINES))),
    ),
    Behaviour(
        "events of a tool call",
        stream(
            events(
                {
                    "choices": [
                        {
                            "index": 0,
                            "delta": {
                                "tool_calls": [
                                    {
                                        "index": 0,
                                        "function": {"name": "write", "arguments": '{"path": "double.py", "con'},
                                    }
                                ]
                            },
                        }
                    ]
                },
                {
                    "choices": [
                        {
                            "index": 0,
                            "delta": {
                                "tool_calls": [{"index": 0, "function": {"arguments": f'tent": {json.dumps(CODE)}}}'}}]
                            },
                        }
                    ]
                },
                *deltas(finish="tool_calls"),
            )
        ),
    ),
    Behaviour(
        "events that end too early",
        stream(events(*deltas(*LINES, finish=None, usage=False), done=False)),
        "connection",
        BOUND,
        says=("ended before the answer did",),
    ),
    Behaviour(
        "events with an error in the middle",
        stream(events(*deltas(*LINES, finish=None, usage=False), {"error": {"message": "worker died", "code": 502}})),
        "overloaded",
        BOUND,
        says=("worker died",),
    ),
    Behaviour("no events at all", stream(b"data: \n\n"), "malformed_response", BOUND, says=("without a completion",)),
    Behaviour(
        "content in parts", message(content=[{"type": "text", "text": GOOD[:20]}, {"type": "text", "text": GOOD[20:]}])
    ),
    Behaviour("content in output parts", message(content=[{"type": "output_text", "text": GOOD}])),
    Behaviour("content as a list of texts", message(content=[GOOD[:20], GOOD[20:]])),
    Behaviour("content as one part", message(content={"type": "text", "text": GOOD})),
    Behaviour(
        "thinking as a part",
        message(
            content=[{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": GOOD}]
        ),
    ),
    Behaviour("a refusal as a part", message(content=[{"type": "refusal", "refusal": "I will not"}]), "blocked"),
    Behaviour("the answer in reasoning_content", message(content=None, reasoning_content=GOOD)),
    Behaviour("the answer in reasoning", message(content="", reasoning=GOOD)),
    Behaviour("thinking beside the answer", message(content=GOOD, reasoning_content="```python\nx = 1\n```")),
    Behaviour(
        "thinking that was cut",
        changed(finish_reason="length", message={"content": "", "reasoning": GOOD}),
        "truncated",
    ),
    Behaviour("a tool call that writes", message(content=None, tool_calls=WRITES)),
    Behaviour(
        "a tool call with code alone", message(content=None, tool_calls=call("python", json.dumps({"code": CODE})))
    ),
    Behaviour("a tool call whose arguments are no JSON", message(content="", tool_calls=call("python", CODE))),
    Behaviour(
        "a function call of the older form",
        message(
            content=None,
            function_call={"name": "f", "arguments": json.dumps({"files": [{"name": "double.py", "code": CODE}]})},
        ),
    ),
    Behaviour(
        "comments before the JSON", sends(200, b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n" + PLAIN)
    ),
    Behaviour("empty lines before the JSON", sends(200, b"\n\n  \r\n" + PLAIN)),
    Behaviour("a byte order mark before the JSON", sends(200, b"\xef\xbb\xbf" + PLAIN)),
    Behaviour("a list of one completion", sends(200, b"[" + PLAIN + b"]")),
    Behaviour("the text of an older form", changed(message=None, text=GOOD)),
    Behaviour("a delta without a stream", changed(message=None, delta={"content": GOOD})),
    Behaviour("no reason to finish", changed(finish_reason=None)),
    Behaviour("eos", changed(finish_reason="eos")),
    Behaviour("end_turn", changed(finish_reason="end_turn")),
    Behaviour("a reason in capitals", changed(finish_reason="STOP")),
    Behaviour("a filter", changed(finish_reason="content_filter", message={"content": ""}), "blocked"),
    Behaviour("a reason that is a number", changed(finish_reason=7)),
    Behaviour("packed", sends(200, gzip.compress(PLAIN), content_encoding="gzip")),
    Behaviour(
        "packed and torn",
        sends(200, gzip.compress(PLAIN)[:-20] + b"x" * 20, content_encoding="gzip"),
        "malformed_response",
        BOUND,
    ),
    Behaviour("HTTP/1.0 without a length", bare(b"HTTP/1.0 200 OK\r\ncontent-type: application/json", PLAIN)),
    Behaviour(
        "in chunks", bare(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked", CHUNKED)
    ),
    Behaviour("without a content type", bare(b"HTTP/1.1 200 OK\r\nconnection: close", PLAIN)),
    Behaviour("bytes that are no UTF-8", sends(200, PLAIN.replace(b"Here", b"H\xe9\xffre"))),
    Behaviour("half of a surrogate pair in the text", message(content=GOOD.replace("Here", "\ud83d Here"))),
    Behaviour("half of a surrogate pair in names", topped(model="m\udc00", id="\ud800", system_fingerprint="\udfff")),
    Behaviour("half of a surrogate pair in the reason", changed(finish_reason="stop\ud800")),
    Behaviour("NUL in the text", message(content=GOOD.replace("Here", "He\0re"))),
    Behaviour("NUL in names", topped(model="gpt\0-4o", id="\0")),
    Behaviour("a name without end", topped(model="m" * 100_000)),
    Behaviour("numbers without end", topped(created=10**400, extra={"n": -(10**40)})),
    Behaviour("keys without end", topped(**{f"key-{number}": number for number in range(5000)})),
    Behaviour("nesting without end", topped(extra=json.loads("[" * 500 + "]" * 500))),
    Behaviour(
        "more choices than asked for",
        answer(lambda body: body["choices"].append({"index": 1, "message": {"content": "no"}})),
    ),
    Behaviour(
        "14 MB of words", message(content=GOOD + "word " * 2_800_000), "too_large", REPORTED, says=("characters",)
    ),
    Behaviour("more than may be read", sends(200, b" " * (17 * 1024**2)), "too_large", BOUND, says=("was not read",)),
    Behaviour(
        "a small body that unpacks without end",
        sends(200, gzip.compress(b" " * (40 * 1024**2)), content_encoding="gzip"),
        "too_large",
        BOUND,
        says=("was not read",),
    ),
    Behaviour("301", InTurn(sends(301, b"", location=REDIRECTED), honest(GOOD)), requests=2),
    Behaviour("302", InTurn(sends(302, b"", location=REDIRECTED), honest(GOOD)), requests=2),
    Behaviour("307", InTurn(sends(307, b"", location=REDIRECTED), honest(GOOD)), requests=2),
    Behaviour("308", InTurn(sends(308, b"", location=REDIRECTED), honest(GOOD)), requests=2),
    Behaviour(
        "to another server",
        sends(301, b"", location="https://elsewhere.example/v1/chat/completions"),
        "moved",
        NOTHING,
        says=("elsewhere.example", "--base-url"),
    ),
    Behaviour(
        "in a circle", sends(302, b"", location=REDIRECTED), "moved", NOTHING, says=("redirects again",), requests=3
    ),
    Behaviour("a redirect without an address", sends(301, b""), "moved", NOTHING, says=("answered 301",)),
    Behaviour("nothing", sends(200, b""), "malformed_response", BOUND, says=("is not JSON",)),
    Behaviour(
        "a page",
        sends(200, b"<html><title>Sign in</title><body>Please sign in</body>", content_type="text/html"),
        "malformed_response",
        BOUND,
        says=("Please sign in", "not a web page"),
    ),
    Behaviour("other JSON", sends(200, {"hello": 1}), "malformed_response", BOUND, says=("no choice",)),
    Behaviour("no choices", sends(200, {"choices": []}), "malformed_response", BOUND),
    Behaviour("a number as text", message(content=5), "malformed_response", BOUND, says=("not text",)),
    Behaviour("deep JSON", sends(200, b"[" * 100_000), "malformed_response", BOUND),
    Behaviour("an empty answer", message(content=""), "empty", REPORTED, says=("is empty",)),
    Behaviour("white space", message(content=" \n\t "), "empty", REPORTED),
    Behaviour("a refusal", message(content=None, refusal="I will not"), "blocked", REPORTED),
    Behaviour("prose alone", message(content="I would rather not show code."), "no_code", REPORTED),
    Behaviour("prose alone, unmeasured", answer(lambda body: body.update(usage=None)), charge=ESTIMATED),
)
