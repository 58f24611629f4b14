"""The questions to an unknown server, and its answers. They cost nothing: no model is called.

Import this module late, because the import of httpx2 is slow.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2

from agents.employees.call_errors import CallFailed
from agents.employees.json_body import json_object
from agents.employees.providers.failures import failed_call
from agents.employees.providers.http_client import BoundedClient, address_of
from agents.employees.server_errors import sentence_of

QUESTION_WALL_S = 4.0  # some servers never answer a path that they do not know
LOOK_WALL_S = 10.0  # of all questions to one server
OLLAMA_TAGS, OLLAMA_VERSION = "/api/tags", "/api/version"
MODELS, LLAMA_CPP_PROPS, VLLM_VERSION, LM_STUDIO_MODELS = "/v1/models", "/props", "/version", "/api/v0/models"
PATHS = (OLLAMA_TAGS, OLLAMA_VERSION, MODELS, LLAMA_CPP_PROPS, VLLM_VERSION, LM_STUDIO_MODELS)
API_VERSION, OLLAMA_API = "/v1", "/api"


class Place(NamedTuple):
    """The address of a server. `root`: without the path of an API. `api`: what `aura hire --base-url` needs."""

    root: str
    api: str


class Heard(NamedTuple):
    """The answers of a server: path -> JSON object. `refusals`: path -> status and words of another answer."""

    answers: Mapping[str, Mapping[str, Any]]
    refusals: Mapping[str, str]

    def answer(self, path: str) -> Mapping[str, Any]:
        return self.answers.get(path, {})


def place_of(url: str) -> Place:
    """Return the address that a person gave. The scheme may be missing. Raises CallFailed if it is none."""
    url = url.strip()
    address = address_of(url if "://" in url else f"http://{url}")
    if address.endswith(API_VERSION):
        return Place(address.removesuffix(API_VERSION), address)
    root = address.removesuffix(OLLAMA_API)
    path = urlsplit(root).path
    return Place(root, root if path else f"{root}{API_VERSION}")


async def heard_from(place: Place, client: BoundedClient, secret: str | None) -> Heard:
    """Ask all questions at the same time. Raises CallFailed if no question has an answer."""
    paths = {path: f"{place.api}/models" if path == MODELS else f"{place.root}{path}" for path in PATHS}
    said = await asyncio.gather(*(_asked(client, url, place.root, secret) for url in paths.values()))
    answers = {path: one for path, one in zip(paths, said, strict=True) if isinstance(one, dict)}
    refusals = {path: one for path, one in zip(paths, said, strict=True) if isinstance(one, str)}
    failures = [one for one in said if isinstance(one, CallFailed)]
    if failures and not answers and not refusals:
        raise failures[0]
    return Heard(answers, refusals)


async def _asked(client: BoundedClient, url: str, root: str, secret: str | None) -> dict[str, Any] | str | CallFailed:
    """Return the JSON object of an answer, its status and words if it is something else, or the failure."""
    try:
        response = await client.get(url, timeout=QUESTION_WALL_S)
    except CallFailed as failure:
        return failure
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
        failure_of_error = failed_call(error, root, secret)
        if failure_of_error is None:
            raise
        return failure_of_error
    try:
        if response.is_success:
            return json_object(response.content)
    except CallFailed:
        pass
    words = sentence_of(response.text, secret)
    return f"{response.status_code}{f' ({words})' if words else ''}"
