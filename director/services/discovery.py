"""Discovery: models of reachable servers and coding agents on PATH, each with the command that hires it."""

import asyncio
import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import msgspec

from agents.employees.call_errors import HINTS, CallFailed
from agents.employees.discovery.coding_agents import CodingAgent, on_path
from agents.employees.key_check import checked_key
from agents.employees.posting import OUTPUT_TOKENS_MAX, PROMPT_TOKENS_MAX
from agents.employees.postings import load_all
from agents.employees.pricing import provider_of
from agents.employees.providers.ollama_models import CLOUD_HOST
from agents.employees.providers.proxies import is_this_machine
from agents.employees.providers.table import PROVIDERS
from agents.employees.served_model import ServedModel
from bus.secretfile import secret
from director.settings import Settings
from domain.errors import Invalid

if TYPE_CHECKING:
    from pydantic import SecretStr

    from agents.employees.discovery.servers import ModelServer

USUAL: Mapping[str, str] = {
    "http://127.0.0.1:11434": "Ollama",
    "http://127.0.0.1:1234": "LM Studio",
    "http://127.0.0.1:8000": "vLLM",
    "http://127.0.0.1:8080": "llama.cpp",
}
"""Addresses that are always asked: the usual ports of the servers on this machine."""
URLS_MAX = 50
NAME_CHARS_MAX = 40
MODEL, PRICE = "MODEL", "USD"
"""Placeholders in a command for words that only the user knows."""
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")


class FoundModel(ServedModel, frozen=True, kw_only=True):
    """A model and the command that hires it. No command: the model answers no messages."""

    hire: str = ""


class FoundAgent(CodingAgent, frozen=True, kw_only=True):
    """A coding agent and the command that hires it. A worker runs the program of its own toolbox, not this one."""

    hire: str


class FoundServer(msgspec.Struct, frozen=True, kw_only=True):
    """A server with models. `left_out`: models that are not listed."""

    address: str
    kind: str
    version: str | None
    models: tuple[FoundModel, ...]
    left_out: int = 0


class NotFoundHere(msgspec.Struct, frozen=True, kw_only=True):
    """An address without a list of models, and the next step. `usual`: the server that is usual at this address.

    `code`: the kind of failure, as of a call.
    """

    address: str
    code: str
    reason: str
    hint: str
    usual: str = ""


class Discovered(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a discovery."""

    servers: tuple[FoundServer, ...]
    without: tuple[NotFoundHere, ...]
    agents: tuple[FoundAgent, ...]

    @property
    def unanswered(self) -> tuple[NotFoundHere, ...]:
        """Addresses that a person gave, and that have no models."""
        return tuple(one for one in self.without if not one.usual)


class _Asked(NamedTuple):
    """One address. `key` goes only to addresses that a person gave."""

    url: str
    key: "SecretStr | None" = None
    usual: str = ""


async def discover(
    settings: Settings,
    urls: Sequence[str] = (),
    *,
    key_env: str = "",
    usual: Mapping[str, str] = USUAL,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Discovered:
    """Ask the usual addresses of this machine and the given ones for their models, and look for agents on PATH.

    `key_env`: the environment variable with a key for the given addresses. Raises Invalid for a key or a number of
    addresses that is not valid.
    """
    if len(urls) > URLS_MAX:
        raise Invalid(f"{len(urls)} addresses are too many: the limit is {URLS_MAX}.", hint="Give fewer addresses.")
    key = _key(key_env)
    given = [_Asked(url, key) for url in urls]
    asked = [*(_Asked(url, usual=name) for url, name in usual.items()), *given]
    on_progress(f"asking {len(asked)} addresses, and the agents on PATH …")
    servers, agents = await asyncio.gather(asyncio.gather(*(_look(one) for one in asked)), on_path())
    names = _Names(settings)
    found: dict[str, FoundServer] = {}
    without: dict[str, NotFoundHere] = {}
    for one, server in zip(asked, servers, strict=True):
        if isinstance(server, CallFailed):
            without.setdefault(one.url, _without(one, server, key_env))
        elif server.address not in found:
            found[server.address] = _found(server, names, key_env if one.key is not None else "")
    named = tuple(
        FoundAgent(
            **msgspec.structs.asdict(agent),
            hire=f"aura hire {names.new(agent.name)} --cli {agent.name} --model {MODEL}",
        )
        for agent in agents
    )
    return Discovered(servers=tuple(found.values()), without=tuple(without.values()), agents=named)


async def _look(asked: _Asked) -> "ModelServer | CallFailed":
    from agents.employees.discovery.questions import place_of
    from agents.employees.discovery.servers import look_at

    try:
        return await look_at(place_of(asked.url), asked.key)
    except CallFailed as failure:
        return failure


def _key(variable: str) -> "SecretStr | None":
    """Return the key in a variable. Raises Invalid if there is none."""
    from pydantic import SecretStr

    if not variable:
        return None
    key = secret(variable, os.environ)
    if not key:
        raise Invalid(f"{variable} has no key.", hint=f"Set {variable}, or leave --key-env out.", code="bad_key")
    return SecretStr(checked_key(key, variable))


def _without(asked: _Asked, failure: CallFailed, key_env: str) -> NotFoundHere:
    hint = HINTS[failure.failure]
    if failure.failure == "auth" and not key_env:
        hint = "Give the variable with the key: --key-env NAME. It is used for the addresses that you give."
    elif failure.failure == "connection":
        hint = f"Start {asked.usual or 'the server'}, or give the address where it listens."
    elif failure.failure == "moved":
        hint = "Give the new address, if you trust it."
    elif failure.failure == "not_found":
        hint = "Give the address of a model server, as its documentation shows it."
    return NotFoundHere(address=asked.url, code=failure.failure, reason=failure.message, hint=hint, usual=asked.usual)


def _found(server: "ModelServer", names: "_Names", key_env: str) -> FoundServer:
    models = tuple(
        FoundModel(
            **msgspec.structs.asdict(model),
            hire=_hire(server, model, names.new(model.name), key_env) if model.chat else "",
        )
        for model in server.models
    )
    return FoundServer(
        address=server.address, kind=server.kind, version=server.version, models=models, left_out=server.left_out
    )


def _hire(server: "ModelServer", model: ServedModel, name: str, key_env: str) -> str:
    """Return the command that hires a model. Words of the server are quoted for the shell."""
    words = ["aura", "hire", name]
    own = server.kind == "ollama"
    if own:
        words += ["--provider", "ollama"]
    if not own or server.address != PROVIDERS["ollama"].address:
        words += ["--base-url", server.address]
    words += ["--model", model.name]
    if key_env:
        words += ["--key-env", key_env]
    words += _price(server, model)
    if not own and model.context_tokens and model.context_tokens < PROMPT_TOKENS_MAX + OUTPUT_TOKENS_MAX:
        words += ["--prompt-tokens", str(max(1, model.context_tokens - OUTPUT_TOKENS_MAX))]
    return " ".join(word if word == PRICE else shlex.quote(word) for word in words)


def _price(server: "ModelServer", model: ServedModel) -> list[str]:
    """Return the options of the price: none if it is in the table or is zero by itself."""
    host = urlsplit(server.address).hostname or ""
    if provider_of(server.address) is not None:
        return []
    if model.cloud or host == CLOUD_HOST or (server.kind == "compatible" and not is_this_machine(host)):
        return ["--price-in", PRICE, "--price-out", PRICE]
    return [] if server.kind == "ollama" else ["--local"]


class _Names:
    """Names for new employees, each used once. Names of employees in the home are not used."""

    def __init__(self, settings: Settings) -> None:
        self._used: set[str] = set()
        with suppress(Invalid):  # a file that cannot be read says so at the hire
            self._used |= {posting.name for posting in load_all(settings.employees)}

    def new(self, model: str) -> str:
        """Return a name made from the name of a model."""
        last = model.lower().rpartition("/")[2].removesuffix(":latest")
        base = _NOT_IN_NAMES.sub("-", last).strip("-")[:NAME_CHARS_MAX].strip("-") or "model"
        name, number = base, 2
        while name in self._used:
            name, number = f"{base}-{number}", number + 1
        self._used.add(name)
        return name
