"""The connection to a server that speaks an API of OpenAI, through OpenAI's own SDK."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from agents.employees.contract import ModelResult
from agents.employees.conversation import CallRequest
from agents.employees.pricing import PriceSource
from agents.employees.providers.remote_model import NO_KEY, RemoteModel
from agents.employees.reply import Reply, name_in

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from pydantic import SecretStr

    from agents.employees.providers.exchange import Exchange


class OpenAIServer(RemoteModel):
    """One model on such a server. A subclass has the wire format of one API."""

    provider = "openai"
    sdk = "openai"
    shows_reasoning = True  # other vendors' servers send the whole thinking; OpenAI's own server sends none
    path: ClassVar[str]
    _client: "AsyncOpenAI | None" = None

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
        """`runtime` names the program that serves the model, if its API does not report it."""
        super().__init__(base_url=base_url, model=model, api_key=api_key, price=price)
        self.model_digest = model_digest
        self.runtime = runtime

    def describe(self) -> Mapping[str, str]:
        more = {"digest": self.model_digest, "runtime": self.runtime}
        return {**super().describe(), **{name: value for name, value in more.items() if value}}

    async def _send(self, params: dict[str, Any], wall_s: float) -> "Exchange":
        import httpx2
        import openai

        from agents.employees.providers.exchange import exchanged
        from agents.employees.providers.http_client import CONNECT_WALL_S

        client = self._connected()
        timeout = httpx2.Timeout(wall_s, connect=min(CONNECT_WALL_S, wall_s))
        # Not `chat.completions.create`: its types refuse odd answers that our own parser can read.
        return await exchanged(
            lambda: client.post(self.path, cast_to=httpx2.Response, body=params, options={"timeout": timeout}),
            errors=(openai.OpenAIError,),
            base_url=self.base_url,
            secret=self._secret(),
        )

    def _close(self) -> None:
        self._client = None

    def _connected(self) -> "AsyncOpenAI":
        """Return the SDK's client. It takes nothing from the environment, and it never retries."""
        if self._client is None:
            import openai

            self._client = openai.AsyncOpenAI(
                api_key=self._secret() or NO_KEY,
                base_url=self.base_url,
                max_retries=0,
                http_client=self._transport,
            )
            self._client.organization = self._client.project = None
            self._client._custom_headers = {}  # of OPENAI_CUSTOM_HEADERS, which may contain a key for another server
        return self._client

    def _result(
        self,
        sent: CallRequest,
        answer: "Exchange",
        reply: Reply,
        latency_s: float,
        started_at_us: int,
        adaptations: tuple[str, ...],
    ) -> ModelResult:
        result = super()._result(sent, answer, reply, latency_s, started_at_us, adaptations)
        return replace(
            result,
            model_digest=self.model_digest,
            fingerprint=name_in(reply.raw, "system_fingerprint"),
            sdk=f"{result.sdk}, {self.runtime}" if self.runtime else result.sdk,
        )
