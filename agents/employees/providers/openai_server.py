"""The connection to a server that speaks an API of OpenAI, through OpenAI's own SDK."""

from typing import TYPE_CHECKING, Any, ClassVar

from agents.employees.providers.remote_model import NO_KEY, RemoteModel

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from agents.employees.providers.exchange import Exchange


class OpenAIServer(RemoteModel):
    """One model on such a server. A subclass has the wire format of one API."""

    provider = "openai"
    sdk = "openai"
    shows_reasoning = True  # other vendors' servers send the whole thinking; OpenAI's own server sends none
    path: ClassVar[str]
    _client: "AsyncOpenAI | None" = None

    async def _send(self, params: dict[str, Any], wall_s: float) -> "Exchange":
        import httpx2
        import openai

        from agents.employees.providers.exchange import exchanged
        from agents.employees.providers.http_client import timeout_of

        client, timeout = self._connected(), timeout_of(wall_s)
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
