"""One behaviour of a server: its reply, and the expected outcome, charge and message."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.loopback import Reply, Seen, completion, honest, raw

GOOD = "Here it is:\n```python\ndef double(number):\n    return 2 * number\n```\n"
ANSWERED = "answered"


@dataclass(frozen=True)
class Used:
    """The charged tokens of prompt and answer. `estimated`: computed from bytes."""

    input_tokens: int
    output_tokens: int
    estimated: bool = False
    cached: int | None = None


NOTHING = "nothing"
BOUND = "bound"
ESTIMATED = "estimated"
"""The charge is computed from the bytes of the sent prompt and of the received answer."""
REPORTED = Used(40, 12, cached=8)
"""The usage that `tests/loopback.py` reports."""
Charge = Used | str


@dataclass(frozen=True)
class Behaviour:
    """A behaviour. `says`: words of the message. `requests`: their number at the server.

    `adapted`: changes for the server.
    """

    name: str
    reply: Reply | None
    outcome: str = ANSWERED
    charge: Charge = REPORTED
    says: tuple[str, ...] = ()
    requests: int | None = 1
    adapted: tuple[str, ...] = ()
    waits_s: tuple[float, float] | None = None  # least and most that the server asks to wait
    settings: Mapping[str, Any] = field(default_factory=dict)  # of the employee
    known: tuple[str, ...] = ()  # adaptations that the order carries
    wall_s: float = 60.0


Body = dict[str, Any]
USAGE = {"prompt_tokens": 40, "completion_tokens": 12, "prompt_tokens_details": {"cached_tokens": 8}}
Rule = Callable[[Body], bool]


def picky(rule: Rule, refusal: Reply, otherwise: Reply | None = None) -> Reply:
    """Return a server that refuses requests for which the rule is true."""

    async def reply(writer: Any, seen: Seen) -> None:
        await (refusal if rule(seen.body) else otherwise or honest(GOOD))(writer, seen)

    return reply


class InTurn:
    """A server that gives these replies one after another, and then repeats the last reply."""

    def __init__(self, *replies: Reply) -> None:
        self._replies = replies
        self._next = 0

    def begin(self) -> None:
        """Start with the first reply again, because several tests of a process play the same behaviour."""
        self._next = 0

    async def __call__(self, writer: Any, seen: Seen) -> None:
        reply = self._replies[min(self._next, len(self._replies) - 1)]
        self._next += 1
        await reply(writer, seen)


def sends(status: int, body: Any, **headers: str) -> Reply:
    """Return a reply with a JSON body, or with these bytes. In header names, _ stands for -."""
    return raw(status, body if isinstance(body, bytes) else json.dumps(body).encode(), **headers)


def error(status: int, message: str, **headers: str) -> Reply:
    """Return an error in OpenAI's form."""
    return sends(status, {"error": {"message": message, "type": "invalid_request_error"}}, **headers)


def answer(change: Callable[[Body], None]) -> Reply:
    """Return a good completion with changes."""
    body = json.loads(completion(GOOD))
    change(body)
    return sends(200, body)


def with_usage(usage: Any, **top: Any) -> Reply:
    """Return a good completion with another usage."""

    def change(body: Body) -> None:
        body.pop("usage")
        if usage is not Ellipsis:
            body["usage"] = usage
        body.update(top)

    return answer(change)


def message(**fields: Any) -> Reply:
    """Return a completion with another message."""

    def change(body: Body) -> None:
        body["choices"][0]["message"] = {"role": "assistant", **fields}

    return answer(change)


def events(*chunks: Any, end: str = "\n\n", done: bool = True) -> bytes:
    """Return a stream of server-sent events."""
    lines = [f"data: {chunk if isinstance(chunk, str) else json.dumps(chunk)}" for chunk in chunks]
    return "".join(line + end for line in [*lines, *(["data: [DONE]"] if done else [])]).encode()


def deltas(*texts: str, finish: str | None = "stop", key: str = "content", usage: bool = True) -> list[Body]:
    """Return the chunks of a streamed answer."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "served"}
    chunks: list[Body] = [
        head | {"choices": [{"index": 0, "delta": {key: text}, "finish_reason": None}]} for text in texts
    ]
    if finish:
        chunks.append(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    if usage:
        chunks.append(head | {"choices": [], "usage": {**USAGE}})
    return chunks


def changed_choice(usage: Any = ..., **fields: Any) -> Reply:
    """Return a good completion with changed fields in its choice, and optionally with another usage."""

    def change(body: Body) -> None:
        body["choices"][0].update(fields)
        if usage is not Ellipsis:
            body["usage"] = usage

    return answer(change)
