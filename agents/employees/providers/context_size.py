"""The context size of a model as its server states it. Not every server does; then the size is unknown.

The question is a GET (for Ollama a POST) without a prompt: it makes no model call and costs nothing.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

from agents.employees.call_errors import CallFailed
from agents.employees.json_body import json_object
from agents.employees.posting import Posting

if TYPE_CHECKING:
    from agents.employees.providers.http_client import BoundedClient

ASK_WALL_S = 3.0
MODELS_MAX = 10_000  # entries of a list of models
FIELDS = ("max_model_len", "context_length", "context_window", "max_context_length", "loaded_context_length")
"""Fields of an entry of /models: of vLLM, OpenRouter, Groq, Mistral and LM Studio."""
CONTEXT_TOKENS_MAX = 1_000_000_000


class _Server(NamedTuple):
    """A server, the model that is asked about, and the key."""

    client: "BoundedClient"
    base_url: str
    model: str
    secret: str

    async def asked(self, method: str, url: str, headers: Mapping[str, str], body: object = None) -> dict[str, Any]:
        """Return the JSON object of an answer; an empty one for an answer that is no success."""
        response = await self.client.send(self.client.build_request(method, url, headers=dict(headers), json=body))
        return json_object(response.content) if response.is_success else {}


async def context_tokens(posting: Posting, secret: str, environment: Mapping[str, str]) -> int | None:
    """Return the tokens of the context, or None if the server does not state them within ASK_WALL_S."""
    asker = _ASKERS.get(posting.kind)
    if asker is None or not posting.base_url:
        return None
    import asyncio

    import httpx2

    from agents.employees.providers.http_client import open_client

    try:
        async with asyncio.timeout(ASK_WALL_S):
            client = open_client(posting.base_url, ASK_WALL_S, keyed=bool(secret), environment=environment)
            async with client:
                return await asker(_Server(client, posting.base_url.rstrip("/"), posting.model, secret))
    except (CallFailed, httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError, ValueError):
        return None


async def _of_openai(server: _Server) -> int | None:
    headers = {"authorization": f"Bearer {server.secret}"} if server.secret else {}
    listed = (await server.asked("GET", f"{server.base_url}/models", headers)).get("data")
    entries = [item for item in listed[:MODELS_MAX] if isinstance(item, dict)] if isinstance(listed, list) else []
    entry = next((item for item in entries if item.get("id") == server.model), entries[0] if len(entries) == 1 else {})
    if size := next(_sizes(entry, FIELDS), None):
        return size
    if not isinstance(entry.get("meta"), dict):
        return None
    return await _of_llama_cpp(server, headers)


async def _of_llama_cpp(server: _Server, headers: Mapping[str, str]) -> int | None:
    """Return the context of one slot. The entry of /models has only the context with which the model was trained."""
    parts = urlsplit(server.base_url)
    props = await server.asked("GET", f"{parts.scheme}://{parts.netloc}/props", headers)
    settings = props.get("default_generation_settings")
    return next(_sizes(settings, ("n_ctx",)), None) if isinstance(settings, dict) else None


async def _of_anthropic(server: _Server) -> int | None:
    root = server.base_url.removesuffix("/v1")
    headers = {"x-api-key": server.secret, "anthropic-version": "2023-06-01"}
    entry = await server.asked("GET", f"{root}/v1/models/{quote(server.model, safe='')}", headers)
    return next(_sizes(entry, ("max_input_tokens",)), None)


async def _of_gemini(server: _Server) -> int | None:
    root = server.base_url if urlsplit(server.base_url).path.startswith("/v1") else f"{server.base_url}/v1beta"
    name = server.model.removeprefix("models/")
    headers = {"x-goog-api-key": server.secret} if server.secret else {}
    entry = await server.asked("GET", f"{root}/models/{quote(name, safe='')}", headers)
    return next(_sizes(entry, ("inputTokenLimit",)), None)


async def _of_ollama(server: _Server) -> int | None:
    root = server.base_url.removesuffix("/v1").removesuffix("/api")
    headers = {"authorization": f"Bearer {server.secret}"} if server.secret else {}
    info = (await server.asked("POST", f"{root}/api/show", headers, {"model": server.model})).get("model_info")
    keys = [key for key in info if key.endswith(".context_length")] if isinstance(info, dict) else []
    return next(_sizes(info, keys), None) if isinstance(info, dict) else None


def _sizes(entry: Mapping[str, Any], fields: "tuple[str, ...] | list[str]") -> Iterator[int]:
    """Yield the values of these fields that can be a context size."""
    for field in fields:
        value = entry.get(field)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= CONTEXT_TOKENS_MAX:
            yield value


_ASKERS: Mapping[str, Callable[[_Server], Awaitable[int | None]]] = {
    "openai": _of_openai,
    "embedded": _of_openai,
    "anthropic": _of_anthropic,
    "gemini": _of_gemini,
    "ollama": _of_ollama,
}
"""Kind of a posting -> the question to its server."""
