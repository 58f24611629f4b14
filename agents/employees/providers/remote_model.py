"""The common part of models behind a vendor's own SDK: limits, one request, its forms, the snapshot and the charge."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from agents.employees.call_errors import CallFailed
from agents.employees.contract import ModelResult
from agents.employees.conversation import Bound, CallRequest, Message
from agents.employees.key_check import checked_key
from agents.employees.pricing import PriceSource, charge_of, cost_of
from agents.employees.providers.failures import Refusal
from agents.employees.providers.request_forms import Part, adapted_request, form_for
from agents.employees.reply import Reply, check_usable
from agents.employees.safe_text import safe, safe_json
from agents.employees.usage import BYTES_PER_TOKEN, MESSAGE_TOKENS, counted, may_reason_hidden
from domain.errors import Invalid
from domain.tree import digest_of

if TYPE_CHECKING:
    from pydantic import SecretStr

    from agents.employees.providers.exchange import Exchange
    from agents.employees.providers.http_client import BoundedClient

PROBE_OUTPUT_TOKENS_MAX = 16
PROBE_WALL_S = 30.0
PROMPT_BYTES_MAX = 4 * 1024**2
REQUESTS_MAX = 5  # of one call: all except the last were refused and cost nothing, and each led to an adaptation
NO_KEY = "none"  # the SDKs need a key, and would look for one in the environment; servers without keys ignore it


class RemoteModel(ABC):
    """One model of one vendor. A call leads to at most one answered request.

    If the server refuses a part of a request, the request is sent again without this part, and the model remembers it.
    """

    scripted = False
    has_tools = True
    provider: ClassVar[str]
    sdk: ClassVar[str]  # the distribution
    parts: ClassVar[frozenset[Part]]  # optional parts of a request that the wire format has
    tool_prompt_tokens: ClassVar[int] = 0  # that the vendor adds to a prompt with tools
    bytes_per_token_min: ClassVar[int] = BYTES_PER_TOKEN  # of a prompt, for the upper bound
    accepts_extra: ClassVar[bool] = False  # request parameters of a prompt style
    shows_reasoning: ClassVar[bool] = False  # an answer that shows thinking shows all of it

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: "SecretStr | None" = None,
        price: PriceSource = "genai-prices",
        model_digest: str | None = None,
        runtime: str | None = None,
    ) -> None:
        """`model_digest`, `runtime`: the weights, and the program that serves them, if the hire knows them."""
        self.base_url = base_url.strip().rstrip("/")
        self.model = model
        self.price: PriceSource = price
        self.model_digest = model_digest
        self.runtime = runtime
        self._api_key = api_key
        self._transport: BoundedClient | None = None
        self._adaptations: tuple[str, ...] = ()

    @abstractmethod
    def _params(self, request: CallRequest) -> dict[str, Any]:
        """Return the body of the request in the vendor's wire format."""

    @abstractmethod
    async def _send(self, params: dict[str, Any], wall_s: float) -> "Exchange":
        """Send a body once. Raises Refused or CallFailed."""

    @abstractmethod
    def _reply(self, body: bytes) -> Reply:
        """Parse the body of an answer. Raises CallFailed."""

    @abstractmethod
    def _close(self) -> None:
        """Forget the SDK's client."""

    def describe(self) -> Mapping[str, str]:
        price = "0.00 USD (local model)" if self.price == "zero" else str(self.price)
        known = {"digest": self.model_digest, "runtime": self.runtime}
        return {
            "provider": self.provider,
            "model": self.model,
            "endpoint": self.base_url,
            "price": price,
            **{name: value for name, value in known.items() if value},
        }

    def bound(self, request: CallRequest) -> Bound:
        asked = -(-prompt_size(request) // self.bytes_per_token_min) + MESSAGE_TOKENS * len(request.messages)
        asked += self.tool_prompt_tokens if request.tools else 0
        price = cost_of(
            self.price,
            base_url=self.base_url,
            model=self.model,
            input_tokens=asked,
            output_tokens=request.output_tokens_max,
            cache_write_tokens=asked if self._stores(request) else None,
        )
        return Bound(asked + request.output_tokens_max, price.usd)

    async def complete(self, request: CallRequest) -> ModelResult:
        result = await self._call(request)
        check_usable(result)
        return result

    async def probe(self) -> ModelResult:
        message = Message(role="user", text="Answer with the one word: ready")
        result = await self._call(
            CallRequest(messages=(message,), output_tokens_max=PROBE_OUTPUT_TOKENS_MAX, wall_s=PROBE_WALL_S)
        )
        if not (result.finish == "length" and result.reasoning_tokens):  # its thinking used up the limit
            check_usable(result)
        return result

    async def close(self) -> None:
        if self._transport is not None:
            await self._transport.aclose()
            self._transport = None
            self._close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model!r}, {self.base_url!r})"

    def _stores(self, request: CallRequest) -> bool:
        """Return whether the request asks the vendor to store its prompt for later calls, which has a price."""
        del request
        return False

    def _check(self, request: CallRequest) -> None:
        """Raise CallFailed for a request that may not be sent. It costs nothing, because nothing is sent."""
        if request.output_tokens_max <= 0 or request.wall_s <= 0:
            raise CallFailed("bad_settings", "This call may use 0 tokens or 0 seconds, so it is not made.")
        if request.extra and not self.accepts_extra:
            names = ", ".join(sorted(request.extra))
            raise CallFailed("bad_settings", f"{self.provider} has no request parameter {names}: use the style chat.")
        size = prompt_size(request)
        if size > PROMPT_BYTES_MAX:
            raise CallFailed(
                "prompt_too_large", f"The prompt has {size} bytes. The limit is {PROMPT_BYTES_MAX}. It was not sent."
            )

    async def _call(self, request: CallRequest) -> ModelResult:
        """Send the request until the server accepts its form, within one limit of time.

        :raises CallFailed: for every answer that is not a success and every failure of the connection.
        """
        self._check(request)
        self._transport = self._transport or self._opened()  # before the time limit starts
        started_at_us, begun = time.time_ns() // 1000, time.monotonic()
        made = list(dict.fromkeys((*request.adaptations, *self._adaptations)))
        try:
            async with asyncio.timeout(request.wall_s):
                sent, answer = await self._asked(request, made)
        except TimeoutError:
            raise CallFailed("timeout", f"{self.base_url} did not answer within {request.wall_s:g} s.") from None
        latency_s = time.monotonic() - begun
        secret = self._secret()
        if secret:  # the log must not contain the key, even if the server repeats it
            answer = answer._replace(body=answer.body.replace(secret.encode(), b"[key]"))
        reply = self._reply(answer.body)
        self._adaptations = tuple(made)
        return self._result(sent, answer, reply, latency_s, started_at_us, tuple(made))

    async def _asked(self, request: CallRequest, made: list[str]) -> "tuple[CallRequest, Exchange]":
        """Return the request in the accepted form, and its answer. New adaptations are appended to `made`."""
        from agents.employees.providers.exchange import Refused

        for left in reversed(range(REQUESTS_MAX)):
            sent, params = self._formed(request, made)
            try:
                return sent, await self._send(self._body(params), request.wall_s)
            except Refused as refused:
                another = self._other_form(refused.refusal, sent, params, made) if left else None
                if another is None:
                    raise refused.refusal.failure(self.base_url, self._secret()) from None
                made.append(another)
        raise AssertionError("the last request is answered or fails")

    def _formed(self, request: CallRequest, made: Sequence[str]) -> tuple[CallRequest, dict[str, Any]]:
        """Return the request and its parameters after the adaptations."""
        sent = adapted_request(request, made)
        return sent, self._params(sent)

    def _other_form(
        self, refusal: Refusal, sent: CallRequest, params: dict[str, Any], made: Sequence[str]
    ) -> str | None:
        """Return the adaptation that may help after a refusal, or None."""
        del params
        return form_for(refusal, sent, self.parts, made)

    def _body(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return the body of the request."""
        return params

    def _result(
        self,
        sent: CallRequest,
        answer: "Exchange",
        reply: Reply,
        latency_s: float,
        started_at_us: int,
        adaptations: tuple[str, ...],
    ) -> ModelResult:
        from agents.employees.providers.failures import request_id_of

        tokens = counted(
            reply.usage,
            prompt_bytes=prompt_size(sent),
            answer_bytes=reply.size,
            complete=reply.finish in ("stop", "tool", "other", "blocked"),
            hidden_reasoning=not (self.shows_reasoning and reply.reasoning)
            and may_reason_hidden(reply.model or self.model, self.model),
        )
        cost = charge_of(
            self.price,
            tokens,
            base_url=self.base_url,
            requested=self.model,
            reported=reply.model,
            cached_tokens=reply.usage.cached_tokens,
            cache_write_tokens=reply.usage.cache_write_tokens,
        )
        request = {"model": self.model, **msgspec.json.decode(answer.request)}
        request_id = request_id_of(answer.headers)
        return ModelResult(
            text=reply.text,
            refusal=reply.refusal,
            finish=reply.finish,
            finish_raw=reply.finish_raw,
            input_tokens=reply.usage.input_tokens,
            cached_tokens=reply.usage.cached_tokens,
            output_tokens=reply.usage.output_tokens,
            reasoning_tokens=reply.usage.reasoning_tokens,
            cost=cost.usd,
            cost_source=cost.source,
            tokens=tokens.input_tokens + tokens.output_tokens if tokens else None,
            estimated=tokens.estimated if tokens else False,
            adaptations=adaptations,
            latency_s=latency_s,
            provider=self.provider,
            endpoint=self.base_url,
            model_requested=self.model,
            model_reported=reply.model,
            model_digest=self.model_digest,
            fingerprint=reply.fingerprint,
            request_id=safe(request_id) if request_id else reply.id,
            sdk=f"{self.sdk} {version(self.sdk)}{f', {self.runtime}' if self.runtime else ''}",
            request=request,
            request_sha256=digest_of(msgspec.json.encode(request, order="sorted")),
            raw=reply.raw,
            started_at_us=started_at_us,
            calls=reply.calls,
            opaque=reply.opaque,
        )

    def _secret(self) -> str | None:
        return self._api_key.get_secret_value() if self._api_key is not None else None

    def _opened(self) -> "BoundedClient":
        """Return the HTTP client for this server. Raises CallFailed if the settings are not usable."""
        from agents.employees.providers.exchange import RecordingClient
        from agents.employees.providers.http_client import address_of, open_client

        secret = self._secret()
        try:
            checked_key(secret or "", "the employee's variable")
        except Invalid as error:  # its message has no key in it
            raise CallFailed("bad_settings", error.message) from None
        return open_client(address_of(self.base_url), PROBE_WALL_S, keyed=bool(secret), kind=RecordingClient)


def prompt_size(request: CallRequest) -> int:
    """Return the bytes of everything that the model reads: texts, tools, calls and content of the provider's form."""
    tools = msgspec.json.encode(safe_json(msgspec.to_builtins(request.tools))) if request.tools else b""
    return len(tools) + sum(_message_size(message) for message in request.messages)


def _message_size(message: Message) -> int:
    if message.opaque is not None:
        return len(msgspec.json.encode(message.opaque))
    calls = sum(
        len(call.name.encode(errors="replace")) + len(msgspec.json.encode(safe_json(call.arguments or call.text)))
        for call in message.calls
    )
    return len(message.text.encode(errors="replace")) + calls
