"""The contract of a model: one request with messages and tools, one result. Every provider implements it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from agents.employees.contract import ModelResult, ToolCall

Role = Literal["system", "user", "assistant", "tool"]


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A function that the model may ask for. `parameters`: a JSON schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a conversation.

    `calls`: of an assistant. `call_id`: of a tool's result. `opaque`: content of the provider's own form, which must be
    sent back unchanged (for example signed thinking); only the provider that returned it reads it.
    """

    role: Role
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    opaque: Any = None


class CallRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One call. `extra`: request parameters of a prompt style, for example a grammar; providers without them refuse."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    output_tokens_max: int
    wall_s: float
    seed: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    extra: Mapping[str, Any] = {}
    adaptations: tuple[str, ...] = ()  # changes to the request that this server is known to need


class Bound(NamedTuple):
    """The most that a call may use. `usd` None: no price is known, so the call may not be made."""

    tokens: int
    usd: Decimal | None


class Model(Protocol):
    """One model of one provider. It makes one request per call and never retries."""

    @property
    def provider(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def scripted(self) -> bool: ...
    @property
    def has_tools(self) -> bool:
        """Whether the model accepts native tool calls. Otherwise a session uses one fenced command per turn."""

    def describe(self) -> Mapping[str, str]:
        """Return provider, model, endpoint, digest and price source, for `hire` and for screens, without secrets."""

    def bound(self, request: CallRequest) -> Bound:
        """Return the upper bound of the request's tokens and cost."""

    async def complete(self, request: CallRequest) -> ModelResult:
        """Make the call.

        :raises CallFailed: with the kind of failure.
        """

    async def probe(self) -> ModelResult:
        """Make one very small call. Raises CallFailed."""

    async def close(self) -> None:
        """Close the connections."""
