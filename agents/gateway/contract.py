"""The contract between the gateway and its caller: the hired model and its server, and the permits of the attempt."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from agents.employees.pricing import PriceSource, provider_of
from agents.employees.providers.anthropic_messages import API_VERSION
from agents.gateway.metering import Meter
from agents.gateway.refusals import WireName
from agents.gateway.wires.wire import Hired
from agents.permits import Permit as CallPermit
from domain.money import Amount
from domain.snapshot import Snapshot
from domain.tree import digest_of


class Upstream(msgspec.Struct, frozen=True, kw_only=True):
    """The hired model and its server. `secret`: the key, which never enters the box.

    `wires`: the wire formats that the server offers. `context_tokens_max` None: unknown. `headers`: of the provider.
    """

    provider: str
    base_url: str
    model: str
    wires: frozenset[WireName]
    output_tokens_max: int
    wall_s: float
    price: PriceSource = "genai-prices"
    secret: str | None = None
    context_tokens_max: int | None = None
    headers: Mapping[str, str] = {}
    scripted: bool = False

    def __repr__(self) -> str:
        return f"Upstream({self.provider!r}, {self.model!r}, {self.base_url!r})"

    @property
    def hired(self) -> Hired:
        return Hired(self.model, newer_limit=provider_of(self.base_url) == "openai")

    def meter(self, wire: WireName) -> Meter:
        """Return the prices and limits of a call in a wire format."""
        return Meter(
            self.base_url,
            self.model,
            self.price,
            self.output_tokens_max,
            self.context_tokens_max,
            writes_cache=wire == "messages",
        )

    def headers_of(self, wire: WireName) -> dict[str, str]:
        """Return all headers of a request to the server. No header of the agent is among them."""
        headers = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": "aura-gateway"}
        headers |= {name.lower(): value for name, value in self.headers.items()}
        if wire == "messages":
            headers.setdefault("anthropic-version", API_VERSION)
        if self.secret:
            name = {"messages": "x-api-key", "gemini": "x-goog-api-key"}.get(wire, "authorization")
            headers[name] = f"Bearer {self.secret}" if name == "authorization" else self.secret
        return headers


class CallRefused(Exception):
    """The call may not be made. `code`: the reason, for example `reservation_used_up`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class MeteredCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call that was permitted. `request` and `answer`: the bytes that were sent and received, without the key.

    The snapshot names them by their digests. Its cost is None if only the upper bound of the call is safe.
    """

    snapshot: Snapshot
    request: bytes
    answer: bytes


class Permit(Protocol):
    """The permits of one attempt. `agents/workers/gateway_permits.py` has the real one."""

    async def ask(self, bound: Amount, avoid: Collection[str] = ()) -> CallPermit:
        """Return the permitted call. `avoid`: accounts that failed a moment ago. Raises CallRefused."""

    async def receipt(self, index: int, call: MeteredCall) -> None:
        """Record the receipt of a permitted call, with the digests of request and answer."""


def snapshot_of(upstream: Upstream, request: bytes, answer: bytes, **fields: Any) -> Snapshot:
    """Return the snapshot of one call. `fields`: the result of the call."""
    return Snapshot(
        provider=upstream.provider,
        endpoint=upstream.base_url,
        model=upstream.model,
        prompt=digest_of(request),
        answer=digest_of(answer),
        sdk="model gateway",
        scripted=upstream.scripted,
        **fields,
    )


FREE = Amount(Decimal(0), 0)
"""The cost of a call that never reached the server, or that the server refused."""
