"""An employee on any OpenAI-compatible chat server: OpenAI itself, Ollama's /v1, vLLM, LM Studio, llama.cpp."""

import asyncio
import time
from collections.abc import Mapping
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from agents.employees.answer_reader.reader import read_answer
from agents.employees.call_errors import CallFailed, CallFailure
from agents.employees.chat_completion import Completion, completion_of
from agents.employees.contract import Answer, ModelResult, Order, answer_of
from agents.employees.pricing import PriceSource, charge_of, cost_of, provider_of
from agents.employees.prompts import EXTRAS, FEEDBACK_LINES_MAX, Prompt, Style, prompt_of
from agents.employees.providers.asking import ask
from agents.employees.safe_text import safe, safe_json
from agents.employees.usage import counted, may_reason_hidden, prompt_bytes, tokens_of
from domain.tree import digest_of

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from pydantic import SecretStr

PROBE_OUTPUT_TOKENS_MAX = 16
PROBE_WALL_S = 30.0
PROMPT_BYTES_MAX = 4 * 1024**2
ANSWER_BYTES_MAX = 4 * 1024**2  # limit for the text of an answer; a longer text is not an answer to one task
_SEED_MASK = 0x7FFF_FFFF  # some servers accept at most 31 bits
_NEWER_LIMIT_PROVIDER = "openai"  # its reasoning models accept only max_completion_tokens
_NO_KEY = "none"  # the SDK needs a key; servers without keys ignore it


class OpenAIEmployee:
    """One model on one server, with one style of prompt.

    An order leads to at most one answered request, because the manager does the retries. If the server refuses the form
    of a request, the request is sent again in a form that the server accepts. The employee remembers that form.
    """

    scripted = False

    def __init__(
        self,
        *,
        id: UUID,
        name: str,
        base_url: str,
        model: str,
        api_key: "SecretStr | None" = None,
        style: Style = "chat",
        model_digest: str | None = None,
        price: PriceSource = "genai-prices",
        temperature: float | None = None,
        stop: tuple[str, ...] = (),
        feedback_max: int = FEEDBACK_LINES_MAX,
        provider: str = "openai",
        runtime: str | None = None,
        may_decline: bool = True,
        small: bool = False,
    ) -> None:
        """`runtime` names the program that serves the model, if its API does not report it. If `temperature` is None,
        the server's default is used.

        `may_decline`: whether the prompt explains how to decline a task. A tiny model would always decline.
        """
        self.id = id
        self.name = name
        self.provider = provider
        self.base_url = base_url.strip().rstrip("/")
        self.model = model
        self.style: Style = style
        self.model_digest = model_digest
        self.price: PriceSource = price
        self.temperature = temperature
        self.stop = stop
        self.feedback_max = feedback_max
        self.runtime = runtime
        self.may_decline = may_decline and style == "chat"
        self.small = small
        self._api_key = api_key
        self._client: AsyncOpenAI | None = None
        self._adaptations: tuple[str, ...] = ()

    def describe(self) -> Mapping[str, str]:
        shown = {"provider": self.provider, "model": self.model, "style": self.style, "endpoint": self.base_url}
        shown["price"] = "0.00 USD (local model)" if self.price == "zero" else str(self.price)
        if self.model_digest:
            shown["digest"] = self.model_digest
        if self.runtime:
            shown["runtime"] = self.runtime
        return shown

    def upper_bound_cost(self, order: Order) -> Decimal | None:
        return cost_of(
            self.price,
            base_url=self.base_url,
            model=self.model,
            input_tokens=tokens_of(prompt_bytes(self._params(order)["messages"])),
            output_tokens=order.limits.output_tokens_max,
        ).usd

    async def work(self, order: Order) -> Answer:
        self._check_limits(order)
        known = tuple(dict.fromkeys((*order.adaptations, *self._adaptations)))
        result = await self._call(self._params(order), order.limits.wall_s, known)
        self._check_usable(result)
        partial = self._prompt(order).partial
        read = read_answer(result.text or "", order.brief, partial=partial, complete=result.finish != "length")
        if not read.changes and result.finish == "length":
            raise _failed(result, "truncated", "The answer reached its length limit before any code was complete.")
        return answer_of(result, read)

    async def probe(self) -> ModelResult:
        messages = [{"role": "user", "content": "Answer with the one word: ready"}]
        params = {"model": self.model, "messages": messages, self._limit_name(): PROBE_OUTPUT_TOKENS_MAX}
        result = await self._call(params, PROBE_WALL_S, self._adaptations)
        if not (
            result.finish == "length" and result.reasoning_tokens
        ):  # the model answers, but its thinking used up the limit
            self._check_usable(result)
        return result

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    def __repr__(self) -> str:
        return f"OpenAIEmployee({self.name!r}, {self.model!r}, {self.style!r}, {self.base_url!r})"

    def _check_limits(self, order: Order) -> None:
        """Raise CallFailed for an order that may not be sent. Such an order costs nothing, because nothing is sent."""
        limits = order.limits
        if limits.output_tokens_max <= 0 or limits.wall_s <= 0:
            raise CallFailed("bad_settings", "This order allows 0 tokens or 0 seconds, so no call is made.")
        size = prompt_bytes(self._params(order)["messages"])
        if size > PROMPT_BYTES_MAX:
            raise CallFailed(
                "prompt_too_large", f"The prompt has {size} bytes. The limit is {PROMPT_BYTES_MAX}. It was not sent."
            )
        if limits.prompt_tokens_max is not None and tokens_of(size) > limits.prompt_tokens_max:
            raise CallFailed(
                "prompt_too_large",
                f"The prompt has about {tokens_of(size)} tokens. The limit of {self.name} is "
                f"{limits.prompt_tokens_max}. It was not sent.",
            )
        cost = self.upper_bound_cost(order)
        if cost is not None and cost > limits.cost_usd_max:
            raise CallFailed(
                "prompt_too_large",
                f"This call may cost {cost} USD. Only {limits.cost_usd_max} USD are reserved for it. It was not made.",
            )

    def _check_usable(self, result: ModelResult) -> None:
        if result.refusal is not None or result.finish == "blocked":
            raise _failed(result, "blocked", "The model declined to answer.")
        if len(result.text or "") > ANSWER_BYTES_MAX:
            raise _failed(result, "too_large", f"The answer has more than {ANSWER_BYTES_MAX} characters.")
        if not (result.text or "").strip():
            if result.finish == "length":
                raise _failed(result, "truncated", "The answer reached its length limit before it had any text.")
            raise _failed(result, "empty", "The model's answer is empty.")

    def _limit_name(self) -> str:
        return "max_completion_tokens" if provider_of(self.base_url) == _NEWER_LIMIT_PROVIDER else "max_tokens"

    def _prompt(self, order: Order) -> Prompt:
        return prompt_of(
            order.brief,
            self.feedback_max,
            may_decline=self.may_decline,
            tokens_max=order.limits.prompt_tokens_max,
            small=self.small,
        )

    def _params(self, order: Order) -> dict[str, Any]:
        messages = self._prompt(order).messages
        params: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": each["role"], "content": safe(each["content"])} for each in messages],
            self._limit_name(): order.limits.output_tokens_max,
            "seed": order.seed & _SEED_MASK,
        }
        if self.temperature is not None:
            params["temperature"] = self.temperature
        if self.stop:
            params["stop"] = list(self.stop)
        extras = EXTRAS[self.style](order.brief)
        if extras:
            params["extra_body"] = safe_json(extras)
        return params

    async def _call(self, params: dict[str, Any], wall_s: float, known: tuple[str, ...]) -> ModelResult:
        """Send the request until the server accepts its form. One time limit applies to all these requests together.

        :raises CallFailed: for every answer with a status other than 200, and for every failure of the connection.
        """
        started_at_us, begun = time.time_ns() // 1000, time.monotonic()
        made = list(known)
        client = self._connected()  # before the time limit starts, because the server does not cause this delay
        try:
            async with asyncio.timeout(wall_s):
                body, request_id, sent = await ask(client, params, made, wall_s=wall_s, secret=self._secret())
        except TimeoutError:
            raise CallFailed("timeout", f"{self.base_url} did not answer within {wall_s:g} s.") from None
        latency_s = time.monotonic() - begun
        secret = self._secret()
        if secret:  # the log must not contain the key, even if the server repeats it
            body = body.replace(secret.encode(), b"[key]")
        seen = completion_of(body)
        self._adaptations = tuple(made)
        return self._result(sent, seen, request_id, latency_s, started_at_us, tuple(made))

    def _result(
        self,
        sent: dict[str, Any],
        seen: Completion,
        request_id: str | None,
        latency_s: float,
        started_at_us: int,
        adaptations: tuple[str, ...],
    ) -> ModelResult:
        tokens = counted(
            seen.usage,
            prompt_bytes=prompt_bytes(sent["messages"]),
            answer_bytes=len(f"{seen.text or ''}{seen.reasoning}{seen.refusal or ''}".encode()),
            complete=seen.finish in ("stop", "tool", "other", "blocked"),
            hidden_reasoning=not seen.reasoning and may_reason_hidden(seen.model or self.model, self.model),
        )
        cost = charge_of(
            self.price,
            tokens,
            base_url=self.base_url,
            requested=self.model,
            reported=seen.model,
            cached_tokens=seen.usage.cached_tokens,
        )
        sdk = f"openai {version('openai')}"
        return ModelResult(
            text=seen.text,
            refusal=seen.refusal,
            finish=seen.finish,
            finish_raw=seen.finish_raw,
            input_tokens=seen.usage.input_tokens,
            cached_tokens=seen.usage.cached_tokens,
            output_tokens=seen.usage.output_tokens,
            reasoning_tokens=seen.usage.reasoning_tokens,
            cost=cost.usd,
            cost_source=cost.source,
            tokens=tokens.input_tokens + tokens.output_tokens if tokens else None,
            estimated=tokens.estimated if tokens else False,
            adaptations=adaptations,
            latency_s=latency_s,
            provider=self.provider,
            endpoint=self.base_url,
            model_requested=self.model,
            model_reported=seen.model,
            model_digest=self.model_digest,
            fingerprint=seen.fingerprint,
            request_id=safe(request_id) if request_id else seen.id,
            sdk=f"{sdk}, {self.runtime}" if self.runtime else sdk,
            request=sent,
            request_sha256=digest_of(msgspec.json.encode(sent, order="sorted")),
            raw=seen.raw,
            started_at_us=started_at_us,
        )

    def _secret(self) -> str | None:
        return self._api_key.get_secret_value() if self._api_key is not None else None

    def _connected(self) -> "AsyncOpenAI":
        """Return the client, which is made at the first call. Raises CallFailed if the settings are not usable."""
        if self._client is None:
            import openai

            from agents.employees.providers.http_client import address_of, open_client

            address, secret = address_of(self.base_url), self._secret()
            transport = open_client(address, PROBE_WALL_S, keyed=bool(secret))
            self._client = openai.AsyncOpenAI(
                api_key=secret or _NO_KEY, base_url=address, max_retries=0, http_client=transport
            )
        return self._client


def _failed(result: ModelResult, failure: CallFailure, message: str) -> CallFailed:
    return CallFailed(
        failure,
        message,
        input_tokens=result.input_tokens,
        output_tokens=result.output_tokens,
        request_id=result.request_id,
        result=result,
    )
