"""A model of Anthropic, or of another server that speaks Anthropic's messages API."""

from typing import TYPE_CHECKING, Any

from agents.employees.conversation import CallRequest
from agents.employees.pricing import provider_of
from agents.employees.providers.anthropic_messages import params_of, reply_of
from agents.employees.providers.remote_model import NO_KEY, RemoteModel
from agents.employees.reply import Reply

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

    from agents.employees.providers.exchange import Exchange

PATH = "/v1/messages"


class AnthropicModel(RemoteModel):
    """One model behind the messages API. A base URL may end with /v1 or not."""

    provider = "anthropic"
    sdk = "anthropic"
    # The API has no seed. The vendor's own server refuses a temperature since 2026-10-21.
    parts = frozenset({"temperature", "stop"})
    tool_prompt_tokens = 600  # the vendor states up to 530 for its older models
    bytes_per_token_min = 2  # its newer models make about 30% more tokens of the same text
    _client: "AsyncAnthropic | None" = None

    def _params(self, request: CallRequest) -> dict[str, Any]:
        return params_of(self.model, request, stored=self._stores(request))

    def _stores(self, request: CallRequest) -> bool:
        """Return True for a session's request: its next call begins with the same prompt, and then reads it for 10%."""
        return bool(request.tools)

    async def _send(self, params: dict[str, Any], wall_s: float) -> "Exchange":
        import anthropic
        import httpx2

        from agents.employees.providers.exchange import exchanged
        from agents.employees.providers.http_client import timeout_of

        client, timeout = self._connected(), timeout_of(wall_s)
        # Not `messages.create`: it warns of models and parameters that are deprecated, and refuses long answers.
        return await exchanged(
            lambda: client.post(PATH, cast_to=httpx2.Response, body=params, options={"timeout": timeout}),
            errors=(anthropic.AnthropicError,),
            base_url=self.base_url,
            secret=self._secret(),
        )

    def _reply(self, body: bytes) -> Reply:
        return reply_of(body)

    def _close(self) -> None:
        self._client = None

    def _connected(self) -> "AsyncAnthropic":
        """Return the SDK's client. Its key and address never come from the environment, and it never retries."""
        if self._client is None:
            import anthropic

            self._client = anthropic.AsyncAnthropic(
                api_key=self._secret() or NO_KEY,
                base_url=self.base_url.removesuffix("/v1"),
                max_retries=0,
                open_telemetry=False,  # no copy of the prompt goes to a collector
                default_headers=self._other_form_of_key(),
                http_client=self._transport,
            )
        return self._client

    def _other_form_of_key(self) -> dict[str, str]:
        """Return the header in which servers of others expect the key. The SDK sends it as a bearer token."""
        secret = self._secret()
        return {"x-api-key": secret} if secret and provider_of(self.base_url) != self.provider else {}
