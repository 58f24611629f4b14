"""A model that plays turns from a script instead of thinking. It costs nothing and needs no server."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from agents.employees.call_errors import CallFailed
from agents.employees.contract import ModelResult, ToolCall
from agents.employees.conversation import Bound, CallRequest
from agents.employees.usage import tokens_of
from domain.tree import digest_of

ENDPOINT = "none: scripted"
CHARS_PER_TOKEN = 4  # scripts report the tokens that a model would have used, so that totals are not 0
NO_MORE = "The script has no more turns."


class ScriptedCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One tool call of a turn."""

    name: str
    arguments: Mapping[str, Any] = {}


class Turn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One answer of a script: a text, tool calls, or both."""

    text: str = ""
    calls: tuple[ScriptedCall, ...] = ()


class ScriptedModel:
    """The model of one session. Call number n gets turn number n. After the last turn it only says that."""

    scripted = True
    provider = "scripted"
    has_tools = True

    def __init__(self, name: str, turns: Sequence[Turn], *, delay_s: float = 0.0) -> None:
        self.name = name
        self.model = f"script {name}"
        self._turns = turns
        self._delay_s = delay_s
        self._played = 0

    def describe(self) -> Mapping[str, str]:
        return {
            "provider": self.provider,
            "model": self.model,
            "endpoint": ENDPOINT,
            "price": "0.00 USD (scripted)",
        }

    def bound(self, request: CallRequest) -> Bound:
        asked = len(msgspec.json.encode(request.messages)) + len(msgspec.json.encode(request.tools))
        return Bound(tokens_of(asked) + request.output_tokens_max, Decimal(0))

    async def complete(self, request: CallRequest) -> ModelResult:
        if request.output_tokens_max <= 0 or request.wall_s <= 0:
            raise CallFailed("bad_settings", "This call may use 0 tokens or 0 seconds, so it is not made.")
        started_at_us, begun = time.time_ns() // 1000, time.monotonic()
        await delayed(self._delay_s, request.wall_s)
        number = self._played
        self._played += 1
        turn = self._turns[number] if number < len(self._turns) else Turn(text=NO_MORE)
        asked = sum(len(message.text) for message in request.messages)
        return scripted_result(
            self.name,
            turn,
            {"script": self.name, "turn": number + 1, "seed": request.seed},
            number=number,
            asked_chars=asked,
            started_at_us=started_at_us,
            latency_s=time.monotonic() - begun,
        )

    async def probe(self) -> ModelResult:
        return scripted_result(
            self.name, Turn(text="ready"), {"script": self.name}, started_at_us=time.time_ns() // 1000
        )

    async def close(self) -> None:
        """Do nothing: there are no connections."""


async def delayed(delay_s: float, wall_s: float) -> None:
    """Wait as a slow model would. Raises CallFailed after the time limit of the call."""
    try:
        async with asyncio.timeout(wall_s):
            await asyncio.sleep(delay_s)
    except TimeoutError:
        raise CallFailed("timeout", f"The script took longer than {wall_s:g} s.") from None


def scripted_result(
    name: str,
    turn: Turn,
    request: Mapping[str, Any],
    *,
    started_at_us: int,
    number: int = 0,
    asked_chars: int = 0,
    latency_s: float = 0.0,
) -> ModelResult:
    """Return the snapshot of a played call. Every field that names a model says that it is scripted."""
    calls = tuple(
        ToolCall(
            id=f"turn-{number + 1}-{place}",
            name=call.name,
            arguments=call.arguments,
            text=msgspec.json.encode(call.arguments).decode(),
        )
        for place, call in enumerate(turn.calls, 1)
    )
    return ModelResult(
        text=turn.text,
        refusal=None,
        finish="tool" if calls else "stop",
        finish_raw="scripted",
        input_tokens=asked_chars // CHARS_PER_TOKEN,
        cached_tokens=None,
        output_tokens=(len(turn.text) + sum(len(call.text) for call in calls)) // CHARS_PER_TOKEN,
        reasoning_tokens=None,
        cost=Decimal(0),
        cost_source="scripted",
        latency_s=latency_s,
        provider="scripted",
        endpoint=ENDPOINT,
        model_requested=f"script {name}",
        model_reported=None,
        model_digest=None,
        fingerprint=None,
        request_id=None,
        sdk="scripted",
        request=request,
        request_sha256=digest_of(msgspec.json.encode(request, order="sorted")),
        raw={"scripted": True},
        started_at_us=started_at_us,
        calls=calls,
    )
