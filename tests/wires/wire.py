"""One vendor's wire format, as a double of its server needs it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import SecretStr

from agents.employees.contract import ToolCall
from agents.employees.conversation import Model
from tests.loopback import Reply, Seen, raw

KEY = "sk-loopback-0123456789abcdef"
USED = (40, 12, 8)
"""Tokens of the prompt, of the answer, and of the prompt's part that was cached."""


@dataclass(frozen=True)
class Sent:
    """A request as the double received it, in words that fit every vendor."""

    system: str
    turns: list[tuple[str, list[Any]]]
    tools: list[str]
    output_tokens_max: int
    key: str


class Wire(Protocol):
    """A vendor's format: good answers, errors, and the parts of a request."""

    name: str
    provider: str  # as results name it
    model_name: str
    prices: str  # the vendor in the table of prices
    host: str  # of the vendor's own server; empty if there is none with prices
    accepts_extra: bool  # request parameters of a prompt style

    def model(self, base_url: str, **settings: Any) -> Model: ...

    def body(
        self,
        text: str | None = None,
        *,
        calls: tuple[ToolCall, ...] = (),
        end: str | None = "stop",
        used: tuple[int, int, int] | None = USED,
        thinking: str = "",
    ) -> dict[str, Any]:
        """Return an answer. `end`: stop, length, blocked, or the vendor's own word. `used` None: no usage."""

    def stream(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        """Return an answer as the objects of a stream of events, its texts in small pieces."""

    def error(self, status: int, message: str) -> dict[str, Any]:
        """Return an error as the vendor sends it with this status."""

    def usage(self, **counts: Any) -> dict[str, Any]:
        """Return an answer with these odd counts: `asked` and `made`."""

    def own(self, body: dict[str, Any]) -> Any:
        """Return the content of an answer with thinking and calls that must go back unchanged."""

    def returned(self, seen: Seen) -> Any:
        """Return that content in a request with ASKED, the answer and the result of one call."""

    def sent(self, seen: Seen) -> Sent: ...


def grouped(parts: Iterable[tuple[str, Any]]) -> list[tuple[str, list[Any]]]:
    """Return parts with their roles as turns. Results of calls belong to the user's turn."""
    turns: list[tuple[str, list[Any]]] = []
    for role, part in parts:
        role = "assistant" if role == "assistant" else "user"
        if not turns or turns[-1][0] != role:
            turns.append((role, []))
        turns[-1][1].append(part)
    return turns


def sends(status: int, body: Any, **headers: str) -> Reply:
    """Return a reply with a JSON body, or with these bytes. In header names, _ stands for -."""
    return raw(status, body if isinstance(body, bytes) else json.dumps(body).encode(), **headers)


def events(objects: list[dict[str, Any]]) -> bytes:
    """Return objects as server-sent events. Anthropic names the kind of an event, too. Ollama's objects are lines."""
    if any("done" in each for each in objects):
        return b"".join(json.dumps(each).encode() + b"\n" for each in objects)
    return b"".join(_event(each) for each in objects)


def _event(of: dict[str, Any]) -> bytes:
    named = b"event: " + str(of["type"]).encode("ascii", "replace") + b"\n" if "type" in of else b""
    return named + b"data: " + json.dumps(of).encode() + b"\n\n"


def pieces(text: str, size: int = 7) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def settings_of(base_url: str, model: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"base_url": base_url, "model": model, "api_key": SecretStr(KEY), **settings}
