"""A model of an Ollama server, through Ollama's own protocol."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agents.employees.call_errors import CallFailed
from agents.employees.conversation import CallRequest
from agents.employees.json_body import json_object
from agents.employees.pricing import PriceSource
from agents.employees.providers.ollama_chat import params_of, reply_of
from agents.employees.providers.ollama_models import (
    TAGS,
    address_without_path,
    found_in,
    models_in,
    not_there,
)
from agents.employees.providers.remote_model import NO_KEY, RemoteModel
from agents.employees.reply import Reply

if TYPE_CHECKING:
    from ollama import AsyncClient
    from pydantic import SecretStr

    from agents.employees.providers.exchange import Exchange

PATH = "/api/chat"
CONTEXT_TOKENS = 32_768
DIGEST_CHARS = 12  # of a digest in a message, as Ollama's own command line shows it


class OllamaModel(RemoteModel):
    """One model behind /api/chat.

    `model_digest`: of the model that was hired. Before each call, the server must still have this digest, because a
    name can get another model. `context_tokens`: the same for every call, because the server loads the model again if
    it changes.
    """

    provider = "ollama"
    sdk = "ollama"
    parts = frozenset({"seed", "temperature", "stop"})
    shows_reasoning = True
    _client: "AsyncClient | None" = None

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: "SecretStr | None" = None,
        price: PriceSource = "zero",
        model_digest: str | None = None,
        context_tokens: int = CONTEXT_TOKENS,
        has_tools: bool = True,
    ) -> None:
        address = address_without_path(base_url)
        super().__init__(base_url=address, model=model, api_key=api_key, price=price, model_digest=model_digest)
        self.context_tokens = context_tokens
        self.has_tools = has_tools

    def describe(self) -> Mapping[str, str]:
        return {**super().describe(), "context": f"{self.context_tokens} tokens"}

    def _params(self, request: CallRequest) -> dict[str, Any]:
        return params_of(self.model, request, context_tokens=self.context_tokens)

    async def _send(self, params: dict[str, Any], wall_s: float) -> "Exchange":
        if self.model_digest:
            await self._check_digest(self.model_digest, wall_s)
        return await self._exchanged("POST", PATH, wall_s, json=params)

    async def _check_digest(self, hired: str, wall_s: float) -> None:
        """Raise CallFailed if the server has another model under the name, or none."""
        from agents.employees.providers.exchange import Refused

        try:
            answer = await self._exchanged("GET", TAGS, wall_s)
            models = models_in(json_object(answer.body))
        except Refused as refused:
            raise refused.refusal.failure(self.base_url, self._secret()) from None
        except CallFailed as failure:
            failure.costs_nothing = True
            raise
        model = found_in(models, self.model)
        if model is None:
            raise not_there(self.base_url, self.model, models)
        if model.digest != hired:
            raise CallFailed(
                "bad_settings",
                f"{self.model} on {self.base_url} is no longer the model that was hired. Its digest is "
                f"{_short(model.digest)}, not {_short(hired)}. An update of the employee takes the new one.",
            )

    async def _exchanged(self, method: str, path: str, wall_s: float, **content: Any) -> "Exchange":
        import ollama

        from agents.employees.providers.exchange import exchanged
        from agents.employees.providers.http_client import timeout_of

        client, timeout = self._connected(), timeout_of(wall_s)
        # Not `chat`: its types drop the ids of calls and have no `truncate`.
        return await exchanged(
            lambda: client._request_raw(method, path, timeout=timeout, **content),  # type: ignore[no-untyped-call]  # of the SDK
            errors=(ollama.ResponseError,),
            base_url=self.base_url,
            secret=self._secret(),
        )

    def _reply(self, body: bytes) -> Reply:
        return reply_of(body)

    def _close(self) -> None:
        self._client = None

    def _connected(self) -> "AsyncClient":
        """Return the SDK's client on our HTTP client. Its address and key never come from the environment."""
        if self._client is None:
            from ollama import AsyncClient
            from ollama._client import BaseClient

            transport = self._transport
            assert transport is not None

            def ours(*, base_url: str, headers: dict[str, str], **_: Any) -> Any:
                transport.base_url = base_url
                transport.headers.update({**headers, "authorization": f"Bearer {self._secret() or NO_KEY}"})
                return transport

            client = AsyncClient.__new__(AsyncClient)
            BaseClient.__init__(client, ours, self.base_url)
            self._client = client
        return self._client


def _short(digest: str | None) -> str:
    return digest[:DIGEST_CHARS] if digest else "unknown"
