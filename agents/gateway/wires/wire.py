"""The description of a wire format: its allowed fields, its limit of output tokens, and its usage."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from agents.gateway.fields import Fields
from agents.gateway.refusals import WireName
from agents.gateway.usage_reader import UsageReader


class Hired(NamedTuple):
    """The facts about the hired model that a request depends on. `newer_limit`: see `wires/chat.py`."""

    model: str
    newer_limit: bool = False


class Wire(NamedTuple):
    """One wire format.

    `asked`: the output tokens that a request asks for. `forced`: the request with the model and this many output
    tokens. `streams`: whether a request asks for a stream (a route of its own asks in Gemini's format).
    """

    name: WireName
    rule: Fields
    asked: Callable[[Mapping[str, Any]], int | None]
    forced: Callable[[dict[str, Any], Hired, int], dict[str, Any]]
    streams: Callable[[Mapping[str, Any]], bool]
    reader: Callable[[], UsageReader]


def count_in(body: Mapping[str, Any], *names: str) -> int | None:
    """Return the smallest of the numbers under these names."""
    counts = [value for name in names if isinstance(value := body.get(name), int) and not isinstance(value, bool)]
    return min(counts, default=None)


def stream_flag(body: Mapping[str, Any]) -> bool:
    return body.get("stream") is True
