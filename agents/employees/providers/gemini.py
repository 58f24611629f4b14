"""A model of Google's Gemini API."""

import math
from typing import TYPE_CHECKING, Any

from agents.employees.conversation import CallRequest
from agents.employees.providers.gemini_content import params_of, reply_of
from agents.employees.providers.remote_model import NO_KEY, RemoteModel
from agents.employees.reply import Reply

if TYPE_CHECKING:
    from google.genai import Client

    from agents.employees.providers.exchange import Exchange

API_VERSION = "v1beta"  # the only one that has had system instructions and tools from the start
API_VERSIONS = ("v1", "v1beta", "v1alpha")


class GeminiModel(RemoteModel):
    """One model behind generateContent. If the base URL ends with a version of the API, this version is used."""

    provider = "gemini"
    sdk = "google-genai"
    parts = frozenset({"seed", "temperature", "stop"})
    _client: "Client | None" = None

    def _params(self, request: CallRequest) -> dict[str, Any]:
        return params_of(request)

    async def _send(self, params: dict[str, Any], wall_s: float) -> "Exchange":
        from google.genai import errors, types

        from agents.employees.providers.exchange import exchanged

        client = self._connected()
        # The SDK's own types change a signature of thoughts and refuse new fields. So the body goes past them, and the
        # answer is not parsed by them.
        options = types.HttpOptions(timeout=math.ceil(wall_s * 1000), extra_body=params)
        config = types.GenerateContentConfig(
            http_options=options,
            should_return_http_response=True,
            automatic_continuation=False,  # otherwise the SDK makes calls of its own
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )
        return await exchanged(
            lambda: client.aio.models.generate_content(model=self.model, contents="in extra_body", config=config),
            errors=(errors.APIError,),
            base_url=self.base_url,
            secret=self._secret(),
        )

    def _reply(self, body: bytes) -> Reply:
        return reply_of(body)

    def _close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connected(self) -> "Client":
        """Return the SDK's client. Its key and address never come from the environment, and it never retries."""
        if self._client is None:
            from google.genai import Client, types

            address, _, last = self.base_url.rpartition("/")
            versioned = last in API_VERSIONS
            self._client = Client(
                vertexai=False,
                api_key=self._secret() or NO_KEY,
                http_options=types.HttpOptions(
                    base_url=address if versioned else self.base_url,
                    api_version=last if versioned else API_VERSION,
                    httpx_async_client=self._transport,
                ),
            )
        return self._client
