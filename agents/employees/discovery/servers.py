"""Recognition of a model server by its answers, and its models."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from agents.employees.call_errors import CallFailed
from agents.employees.discovery.questions import (
    LLAMA_CPP_PROPS,
    LM_STUDIO_MODELS,
    LOOK_WALL_S,
    MODELS,
    OLLAMA_TAGS,
    OLLAMA_VERSION,
    VLLM_VERSION,
    Heard,
    Place,
    heard_from,
)
from agents.employees.providers.model_lists import asking
from agents.employees.providers.ollama_models import describe_model, models_in
from agents.employees.reply import name_in
from agents.employees.served_model import ServedModel
from agents.employees.usage import count_of

if TYPE_CHECKING:
    from pydantic import SecretStr

    from agents.employees.providers.http_client import BoundedClient

ServerKind = Literal["ollama", "lm studio", "vllm", "llama.cpp", "compatible"]
MODELS_MAX = 200  # of one server; hosted servers list some hundred
DESCRIBED_MAX = 40  # models of an Ollama server that are asked about one by one


class ModelServer(msgspec.Struct, frozen=True, kw_only=True):
    """A server with models. `compatible`: it has OpenAI's list of models, and nothing else tells what it is.

    `address`: what `aura hire --base-url` needs. `left_out`: models after the first MODELS_MAX.
    """

    address: str
    kind: ServerKind
    version: str | None = None
    models: tuple[ServedModel, ...] = ()
    left_out: int = 0


class _Recogniser(NamedTuple):
    """One kind of server: whether answers are of this kind, and the models in them."""

    kind: ServerKind
    fits: Callable[[Heard], bool]
    models: Callable[[Heard], list[ServedModel]]
    version: Callable[[Heard], str | None] = lambda _: None


async def look_at(place: Place, key: "SecretStr | None" = None, wall_s: float = LOOK_WALL_S) -> ModelServer:
    """Return the server at an address with its models. Raises CallFailed with the reason if there is none."""
    secret = key.get_secret_value() if key is not None else None
    async with asking(place.root, key, wall_s) as client:
        heard = await heard_from(place, client, secret)
        recogniser = next((one for one in RECOGNISERS if one.fits(heard)), None)
        if recogniser is None:
            raise _no_models(place, heard)
        models = [model for model in recogniser.models(heard) if model.name.isprintable()]
        if recogniser.kind == "ollama":
            models = await _described(client, place.root, models)
    return ModelServer(
        address=place.root if recogniser.kind == "ollama" else place.api,
        kind=recogniser.kind,
        version=recogniser.version(heard),
        models=tuple(models[:MODELS_MAX]),
        left_out=max(0, len(models) - MODELS_MAX),
    )


async def _described(client: "BoundedClient", root: str, models: list[ServedModel]) -> list[ServedModel]:
    asked = [await describe_model(client, root, model) for model in models[:DESCRIBED_MAX]]
    return [*asked, *models[DESCRIBED_MAX:]]


def _no_models(place: Place, heard: Heard) -> CallFailed:
    """Return the failure for a server that answers, but has no list of models."""
    refusal = heard.refusals.get(MODELS, "")
    if refusal.startswith(("401", "403")):
        return CallFailed("auth", f"{place.api}/models answered {refusal}: the server wants a key.")
    said = f" It answered {refusal}." if refusal else ""
    return CallFailed("not_found", f"{place.root} answers, but has no list of models.{said}")


def _listed(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of OpenAI's form of a list."""
    data = answer.get("data")
    yield from (item for item in (data if isinstance(data, list) else []) if isinstance(item, dict))


def _named(answer: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], ServedModel]]:
    for item in _listed(answer):
        name = name_in(item, "id")
        if name:
            yield item, ServedModel(name=name)


def _owned_by(heard: Heard, owner: str) -> bool:
    return any(item.get("owned_by") == owner for item in _listed(heard.answer(MODELS)))


def _is_ollama(heard: Heard) -> bool:
    """Return whether the server is Ollama. llama.cpp has its list of models too, in a form with `data`."""
    tags = heard.answer(OLLAMA_TAGS)
    return (
        isinstance(tags.get("models"), list)
        and "data" not in tags
        and bool(name_in(heard.answer(OLLAMA_VERSION), "version"))
    )


def _ollama_models(heard: Heard) -> list[ServedModel]:
    return models_in(heard.answer(OLLAMA_TAGS))


def _is_lm_studio(heard: Heard) -> bool:
    items = list(_listed(heard.answer(LM_STUDIO_MODELS)))
    return bool(items) and all("state" in item or "max_context_length" in item for item in items)


def _lm_studio_models(heard: Heard) -> list[ServedModel]:
    return [
        replace(
            model,
            context_tokens=count_of(item.get("loaded_context_length")) or count_of(item.get("max_context_length")),
            tools="tool_use" in able if isinstance(able := item.get("capabilities"), list) else None,
            chat=item.get("type") not in ("embeddings", "embedding"),
        )
        for item, model in _named(heard.answer(LM_STUDIO_MODELS))
    ]


def _is_llama_cpp(heard: Heard) -> bool:
    return "default_generation_settings" in heard.answer(LLAMA_CPP_PROPS) or _owned_by(heard, "llamacpp")


def _llama_cpp_models(heard: Heard) -> list[ServedModel]:
    """Return the models. The context of a request is that of a slot, in the server's settings."""
    settings = heard.answer(LLAMA_CPP_PROPS).get("default_generation_settings")
    context = count_of(settings.get("n_ctx")) if isinstance(settings, dict) else None
    return [replace(model, context_tokens=context) for _, model in _named(heard.answer(MODELS))]


def _vllm_models(heard: Heard) -> list[ServedModel]:
    return [
        replace(model, context_tokens=count_of(item.get("max_model_len")))
        for item, model in _named(heard.answer(MODELS))
    ]


def _compatible_models(heard: Heard) -> list[ServedModel]:
    keys = ("context_length", "context_window", "max_context_length", "max_model_len")
    return [
        replace(model, context_tokens=next((count for key in keys if (count := count_of(item.get(key)))), None))
        for item, model in _named(heard.answer(MODELS))
    ]


RECOGNISERS: tuple[_Recogniser, ...] = (
    _Recogniser("ollama", _is_ollama, _ollama_models, lambda heard: name_in(heard.answer(OLLAMA_VERSION), "version")),
    _Recogniser("lm studio", _is_lm_studio, _lm_studio_models),
    _Recogniser(
        "llama.cpp",
        _is_llama_cpp,
        _llama_cpp_models,
        lambda heard: name_in(heard.answer(LLAMA_CPP_PROPS), "build_info"),
    ),
    _Recogniser(
        "vllm",
        lambda heard: _owned_by(heard, "vllm"),
        _vllm_models,
        lambda heard: name_in(heard.answer(VLLM_VERSION), "version"),
    ),
    _Recogniser("compatible", lambda heard: isinstance(heard.answer(MODELS).get("data"), list), _compatible_models),
)
"""Kinds of servers. The first that fits counts."""
