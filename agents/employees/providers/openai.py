"""An employee behind any OpenAI-compatible chat server: OpenAI itself, Ollama's /v1, vLLM, LM Studio, llama.cpp."""

import asyncio
import time
from collections.abc import Mapping
from decimal import Decimal
from importlib.metadata import version
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from agents.employees.answer_parser import declined_in, files_of
from agents.employees.call_errors import CallFailed, failure_of_status, without_secret
from agents.employees.chat_completion import Completion, completion_of
from agents.employees.contract import Answer, ModelResult, Order
from agents.employees.pricing import PriceSource, cost_of, input_tokens_at_most
from agents.employees.prompts import EXTRAS, FEEDBACK_LINES_MAX, Style, messages_of
from domain.errors import LimitReached
from domain.tree import digest_of

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from pydantic import SecretStr

PROBE_OUTPUT_TOKENS_MAX = 16
PROBE_WALL_S = 30.0
CONNECT_WALL_S = 5.0
_SEED_MASK = 0x7FFF_FFFF  # servers differ; all take 31 bits
_NEWER_LIMIT_HOST = "api.openai.com"  # its reasoning models take max_completion_tokens only
_NO_KEY = "none"  # the SDK demands one; servers without a key ignore it


class OpenAIEmployee:
    """One model on one server, asked in one style. Makes exactly one request per order: retries are the manager's."""

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
    ) -> None:
        """`runtime` names what serves the model when its API does not; `temperature` None leaves the server's own.

        `may_decline`: whether a chat is told how to say that the task cannot be done; a tiny model would only say that.
        """
        self.id = id
        self.name = name
        self.provider = provider
        self.base_url = base_url.rstrip("/")
        self.model = model
        self.style: Style = style
        self.model_digest = model_digest
        self.price: PriceSource = price
        self.temperature = temperature
        self.stop = stop
        self.feedback_max = feedback_max
        self.runtime = runtime
        self.may_decline = may_decline and style == "chat"
        self._api_key = api_key
        self._client: AsyncOpenAI | None = None

    def describe(self) -> Mapping[str, str]:
        shown = {"provider": self.provider, "model": self.model, "style": self.style, "endpoint": self.base_url}
        shown["price"] = "0.00 USD (local model)" if self.price == "zero" else self.price
        if self.model_digest:
            shown["digest"] = self.model_digest
        if self.runtime:
            shown["runtime"] = self.runtime
        return shown

    def upper_bound_cost(self, order: Order) -> Decimal | None:
        params = self._params(order)
        cost, _ = cost_of(
            self.price,
            base_url=self.base_url,
            model=self.model,
            input_tokens=input_tokens_at_most(sum(len(message["content"]) for message in params["messages"])),
            output_tokens=order.limits.output_tokens_max,
        )
        return cost

    async def work(self, order: Order) -> Answer:
        self._check_limits(order)
        result = await self._call(self._params(order), order.limits.wall_s)
        self._check_usable(result)
        files = files_of(result.text or "", order.brief, complete=result.finish != "length")
        if not files and result.finish == "length":
            raise _failed(result, "truncated", "The answer was cut at its length limit before any code was complete.")
        return Answer(result=result, files=files, declined="" if files else declined_in(result.text or ""))

    async def probe(self) -> ModelResult:
        messages = [{"role": "user", "content": "Answer with the one word: ready"}]
        params = {"model": self.model, "messages": messages, self._limit_name(): PROBE_OUTPUT_TOKENS_MAX}
        result = await self._call(params, PROBE_WALL_S)
        if not (result.finish == "length" and result.reasoning_tokens):  # it is there, and still thinks
            self._check_usable(result)
        return result

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    def __repr__(self) -> str:
        return f"OpenAIEmployee({self.name!r}, {self.model!r}, {self.style!r}, {self.base_url!r})"

    def _check_limits(self, order: Order) -> None:
        limits = order.limits
        if limits.output_tokens_max <= 0 or limits.wall_s <= 0:
            raise LimitReached("This order allows no tokens or no time.", hint="Give the run a budget above 0.")
        cost = self.upper_bound_cost(order)
        if cost is not None and cost > limits.cost_usd_max:
            raise LimitReached(
                f"This call may cost {cost} USD, more than the {limits.cost_usd_max} USD that are reserved for it.",
                hint="Raise the budget, lower output_tokens_max, or use a cheaper model.",
            )

    def _check_usable(self, result: ModelResult) -> None:
        if result.refusal is not None or result.finish == "blocked":
            raise _failed(result, "blocked", "The model declined to answer.")
        if not (result.text or "").strip():
            if result.finish == "length":
                raise _failed(result, "truncated", "The length limit was used up before any text came.")
            raise _failed(result, "empty", "The model's answer is empty.")

    def _limit_name(self) -> str:
        return "max_completion_tokens" if urlsplit(self.base_url).hostname == _NEWER_LIMIT_HOST else "max_tokens"

    def _params(self, order: Order) -> dict[str, Any]:
        params: dict[str, Any] = {
            "model": self.model,
            "messages": messages_of(order.brief, self.feedback_max, may_decline=self.may_decline),
            self._limit_name(): order.limits.output_tokens_max,
            "seed": order.seed & _SEED_MASK,
        }
        if self.temperature is not None:
            params["temperature"] = self.temperature
        if self.stop:
            params["stop"] = list(self.stop)
        extras = EXTRAS[self.style](order.brief)
        if extras:
            params["extra_body"] = dict(extras)
        return params

    async def _call(self, params: dict[str, Any], wall_s: float) -> ModelResult:
        started_at_us = time.time_ns() // 1000
        begun = time.monotonic()
        body, request_id = await self._send(params, wall_s)
        latency_s = time.monotonic() - begun
        secret = self._secret()
        if secret:  # a server that echoes the key must not bring it into the record
            body = body.replace(secret.encode(), b"[key]")
        return self._result(params, completion_of(body), request_id, latency_s, started_at_us)

    async def _send(self, params: dict[str, Any], wall_s: float) -> tuple[bytes, str | None]:
        """The one request: response body and request id.

        :raises CallFailed: for every answer that is not 200 and every failure of the connection.
        """
        import httpx2
        import openai

        client = self._connected()  # made before the clock starts: the server does not answer for it
        try:
            async with asyncio.timeout(wall_s):
                raw = await client.chat.completions.with_raw_response.create(**params, timeout=wall_s)
                return raw.http_response.content, raw.headers.get("x-request-id")
        except (TimeoutError, openai.APITimeoutError, httpx2.TimeoutException):
            raise CallFailed("timeout", f"No answer from {self.base_url} within {wall_s:g} s.") from None
        except openai.APIStatusError as error:
            raise self._refused(error.status_code, error.response.text, error.response.headers) from None
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            cause = without_secret(str(error.__cause__ or error), self._secret())
            raise CallFailed("connection", f"The connection to {self.base_url} failed: {cause}.") from None
        except openai.APIError as error:
            message = without_secret(str(error), self._secret())
            raise CallFailed("malformed_response", f"The server's answer cannot be read: {message}.") from None

    def _refused(self, status: int, body: str, headers: Mapping[str, str]) -> CallFailed:
        said = without_secret(body.strip(), self._secret())
        return CallFailed(
            failure_of_status(status, body),
            f"{self.base_url} answered {status}: {said}",
            retry_after_s=_seconds(headers.get("retry-after-ms"), 0.001) or _seconds(headers.get("retry-after"), 1.0),
            status=status,
            request_id=headers.get("x-request-id"),
        )

    def _result(
        self, params: dict[str, Any], seen: Completion, request_id: str | None, latency_s: float, started_at_us: int
    ) -> ModelResult:
        cost, cost_source = cost_of(
            self.price,
            base_url=self.base_url,
            model=seen.model or self.model,
            input_tokens=seen.input_tokens,
            output_tokens=seen.output_tokens,
            cached_tokens=seen.cached_tokens,
        )
        sdk = f"openai {version('openai')}"
        return ModelResult(
            text=seen.text,
            refusal=seen.refusal,
            finish=seen.finish,
            finish_raw=seen.finish_raw,
            input_tokens=seen.input_tokens,
            cached_tokens=seen.cached_tokens,
            output_tokens=seen.output_tokens,
            reasoning_tokens=seen.reasoning_tokens,
            cost=cost,
            cost_source=cost_source,
            latency_s=latency_s,
            provider=self.provider,
            endpoint=self.base_url,
            model_requested=self.model,
            model_reported=seen.model,
            model_digest=self.model_digest,
            fingerprint=seen.fingerprint,
            request_id=request_id or seen.id,
            sdk=f"{sdk}, {self.runtime}" if self.runtime else sdk,
            request=params,
            request_sha256=digest_of(msgspec.json.encode(params, order="sorted")),
            raw=seen.raw,
            started_at_us=started_at_us,
        )

    def _secret(self) -> str | None:
        return self._api_key.get_secret_value() if self._api_key is not None else None

    def _connected(self) -> "AsyncOpenAI":
        if self._client is None:
            import httpx2
            import openai

            transport = openai.DefaultAsyncHttpxClient(
                trust_env=not _is_loopback(self.base_url),  # a proxy for the outside must not see loopback calls
                timeout=httpx2.Timeout(PROBE_WALL_S, connect=CONNECT_WALL_S),
            )
            self._client = openai.AsyncOpenAI(
                api_key=self._secret() or _NO_KEY, base_url=self.base_url, max_retries=0, http_client=transport
            )
        return self._client


def _failed(result: ModelResult, failure: Any, message: str) -> CallFailed:
    return CallFailed(
        failure,
        message,
        input_tokens=result.input_tokens,
        output_tokens=result.output_tokens,
        request_id=result.request_id,
        result=result,
    )


def _seconds(value: str | None, unit_s: float) -> float | None:
    """A retry-after header in seconds; dates and nonsense are None."""
    try:
        seconds = float(value or "") * unit_s
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _is_loopback(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
