"""The context size of an employee's model as its server states it. Not every server does; then the size is unknown.

The questions have no prompt: they make no model call and cost nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Optional
from urllib.parse import quote, urlsplit

from agents.employees.call_errors import CallFailed
from agents.employees.json_body import json_object
from agents.employees.posting import Posting
from agents.employees.providers.anthropic_messages import API_VERSION
from agents.employees.providers.table import PROVIDERS
from agents.employees.usage import count_of

if TYPE_CHECKING:
    from pydantic import SecretStr

ASK_WALL_S = 3.0


async def context_tokens(posting: Posting, key: Optional["SecretStr"]) -> int | None:
    """Return the tokens of the context, or None if the server does not state them within ASK_WALL_S."""
    provider = PROVIDERS[posting.kind]
    asker = _ASKERS.get(posting.kind)
    try:
        async with asyncio.timeout(ASK_WALL_S):
            if provider.ask is not None:
                return (await provider.ask(posting, key)).context_tokens
            return await asker(posting, key) if asker is not None and posting.base_url else None
    except (CallFailed, TimeoutError):
        return None


async def _of_openai(posting: Posting, key: Optional["SecretStr"]) -> int | None:
    """Return the context of the model, or of the only model of the server: llama.cpp gives it a name of its own."""
    from agents.employees.discovery.questions import place_of
    from agents.employees.discovery.servers import look_at

    models = (await look_at(place_of(posting.base_url), key, ASK_WALL_S)).models
    named = [model for model in models if model.name == posting.model]
    found = named or (list(models) if len(models) == 1 else [])
    return found[0].context_tokens if found else None


async def _of_anthropic(posting: Posting, key: Optional["SecretStr"]) -> int | None:
    root = posting.base_url.rstrip("/").removesuffix("/v1")
    headers = {"x-api-key": key.get_secret_value() if key is not None else "", "anthropic-version": API_VERSION}
    entry = await _asked(posting, f"{root}/v1/models/{quote(posting.model, safe='')}", headers)
    return count_of(entry.get("max_input_tokens")) or None


async def _of_gemini(posting: Posting, key: Optional["SecretStr"]) -> int | None:
    address = posting.base_url.rstrip("/")
    root = address if urlsplit(address).path.startswith("/v1") else f"{address}/v1beta"
    headers = {"x-goog-api-key": key.get_secret_value()} if key is not None else {}
    name = quote(posting.model.removeprefix("models/"), safe="")
    entry = await _asked(posting, f"{root}/models/{name}", headers)
    return count_of(entry.get("inputTokenLimit")) or None


async def _asked(posting: Posting, url: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the JSON object of an answer; an empty one for an answer that is no success. Raises CallFailed."""
    from agents.employees.providers.model_lists import asking

    async with asking(posting.base_url, None, ASK_WALL_S) as client:
        response = await client.get(url, headers=dict(headers))
    return json_object(response.content) if response.is_success else {}


_ASKERS: Mapping[str, Callable[[Posting, Optional["SecretStr"]], Awaitable[int | None]]] = {
    "openai": _of_openai,
    "embedded": _of_openai,
    "anthropic": _of_anthropic,
    "gemini": _of_gemini,
}
"""Kind of a posting -> the question to its server, for providers that are not asked at the hire."""
