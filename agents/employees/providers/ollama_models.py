"""The models of an Ollama server: digest, length of the context, support of tools. The server reports them itself."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from agents.employees.call_errors import CallFailed
from agents.employees.json_body import json_object
from agents.employees.reply import name_in
from agents.employees.served_model import ServedModel
from agents.employees.usage import count_of

if TYPE_CHECKING:
    from pydantic import SecretStr

    from agents.employees.providers.http_client import BoundedClient

TAGS, SHOW = "/api/tags", "/api/show"
CLOUD_HOST = "ollama.com"  # its models cost money
MODELS_MAX = 1000  # of one server
NAMED_MAX = 10  # models in a message
ASK_WALL_S = 10.0


def address_without_path(base_url: str) -> str:
    """Return the address of the server without the path of an API, which people copy from other programs."""
    return base_url.strip().rstrip("/").removesuffix("/v1").removesuffix("/api")


def models_in(tags: Mapping[str, Any]) -> list[ServedModel]:
    """Return the models of an answer to /api/tags. Raises CallFailed if it is something else."""
    listed = tags.get("models")
    if not isinstance(listed, list):
        raise CallFailed("malformed_response", "The server's answer has no list of models.", costs_nothing=True)
    models = [item for item in listed[:MODELS_MAX] if isinstance(item, dict)]
    return [
        ServedModel(name=name, digest=name_in(item, "digest"), cloud=bool(item.get("remote_host")))
        for item in models
        if (name := name_in(item, "name") or name_in(item, "model"))
    ]


def found_in(models: Sequence[ServedModel], name: str) -> ServedModel | None:
    """Return the model of this name. Without a tag, the name means the tag `latest`, as the server reads it."""
    asked = name.casefold()
    wanted = asked if ":" in asked.rpartition("/")[2] else f"{asked}:latest"
    return next((model for model in models if model.name.casefold() in (wanted, asked)), None)


def not_there(base_url: str, name: str, models: Sequence[ServedModel]) -> CallFailed:
    """Return the failure for a model that a server does not have."""
    names = ", ".join(model.name for model in models[:NAMED_MAX]) or "none"
    more = f" and {len(models) - NAMED_MAX} more" if len(models) > NAMED_MAX else ""
    said = f"{base_url} has no model {name}. Its models: {names}{more}. `ollama pull` gets another one."
    return CallFailed("unknown_model", said)


def described(model: ServedModel, shown: Mapping[str, Any]) -> ServedModel:
    """Return the model with what an answer to /api/show says about it."""
    info, able = shown.get("model_info"), shown.get("capabilities")
    lengths = (
        count
        for key, value in (info.items() if isinstance(info, dict) else ())
        if key.endswith(".context_length") and (count := count_of(value))
    )
    return replace(
        model,
        context_tokens=next(lengths, None),
        tools="tools" in able if isinstance(able, list) else None,
        parameters=count_of(info.get("general.parameter_count")) if isinstance(info, dict) else None,
        cloud=model.cloud or bool(shown.get("remote_host")),
        chat="completion" in able if isinstance(able, list) else True,
    )


async def list_models(client: "BoundedClient", base_url: str) -> list[ServedModel]:
    """Return the models of a server. Raises CallFailed."""
    response = await client.get(f"{base_url}{TAGS}")
    if not response.is_success:
        raise CallFailed("not_found", f"{base_url}{TAGS} answered {response.status_code}.")
    return models_in(json_object(response.content))


async def describe_model(client: "BoundedClient", base_url: str, model: ServedModel) -> ServedModel:
    """Return the model with its context and its tools; unchanged if the server does not report them."""
    response = await client.post(f"{base_url}{SHOW}", json={"model": model.name})
    try:
        return described(model, json_object(response.content)) if response.is_success else model
    except CallFailed:
        return model


async def ask_about(base_url: str, name: str, key: "SecretStr | None") -> ServedModel:
    """Return what the server says about one model. Raises CallFailed, also if it does not have the model."""
    from agents.employees.providers.model_lists import asking

    address = address_without_path(base_url)
    async with asking(address, key, ASK_WALL_S) as client:
        models = await list_models(client, address)
        model = found_in(models, name)
        if model is None:
            raise not_there(address, name, models)
        model = await describe_model(client, address, model)
    return replace(model, cloud=model.cloud or urlsplit(address).hostname == CLOUD_HOST)
