"""The table of providers. A new provider is one file beside this one, and one entry here.

Each provider's module is imported when an employee of it is built, because the SDKs are slow to import.
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Optional

import msgspec

from agents.employees.contract import Employee
from agents.employees.model_employee import ModelEmployee, Prompting
from agents.employees.posting import EMBEDDED_CONTEXT_TOKENS, Api, Posting, origin_of
from agents.employees.pricing import cost_of
from agents.employees.prompts import Style
from agents.employees.served_model import ServedModel
from agents.employees.usage import BYTES_PER_TOKEN
from domain.employee import Profile
from domain.errors import Invalid

if TYPE_CHECKING:
    from pydantic import SecretStr

    from agents.employees.conversation import Model
    from agents.employees.providers.scripted import Script

Build = Callable[[Posting, Optional["SecretStr"]], Employee]
"""Builds the employee of a posting, with its key. It opens no connection."""
Ask = Callable[[Posting, Optional["SecretStr"]], Awaitable[ServedModel]]
"""Asks the server of a posting about its model. It raises CallFailed."""


def _no_parameters(posting: Posting) -> dict[str, str]:
    del posting
    return {}


def _plain_prompting(style: Style, parameters: Mapping[str, str]) -> Prompting:
    del parameters
    return Prompting(style=style)


class Provider(NamedTuple):
    """One way to reach a model.

    `shown`: its name in profiles and on screens. `remote`: the model is on a server outside the organisation, with an
    address, a key and a price. `address`, `key_env`: what `aura hire --provider` uses if nothing is given; no address:
    one must be given. `price`: the source of a new employee's price. `bytes_per_token_min`: of a prompt, for the upper
    bound of its cost. `ask`: what a hire asks the server about the model. `parameters`: other parameters of a request
    that change the answers; they belong to the employee's version. `prompting`: the way in which a style asks the model
    for an answer, with these parameters.
    """

    shown: str
    build: Build
    remote: bool = True
    address: str = ""
    key_env: str = ""
    styles: tuple[Style, ...] = ("chat",)
    apis: tuple[Api, ...] = ("chat",)
    price: Literal["genai-prices", "zero"] = "genai-prices"
    bytes_per_token_min: int = BYTES_PER_TOKEN
    context_tokens: int | None = None
    ask: Ask | None = None
    parameters: Callable[[Posting], dict[str, str]] = _no_parameters
    prompting: Callable[[Style, Mapping[str, str]], Prompting] = _plain_prompting


def _on_model(posting: Posting, model: "Model") -> Employee:
    """Return the employee that asks this model in the style of its posting."""
    provider = PROVIDERS[posting.kind]
    prompting = provider.prompting(posting.style, provider.parameters(posting))
    return ModelEmployee(id=posting.id, name=posting.name, model=model, prompting=prompting)


def _openai(posting: Posting, key: Optional["SecretStr"]) -> Employee:
    from agents.employees.providers.openai import OpenAIModel
    from agents.employees.providers.openai_responses import OpenAIResponsesModel

    kind = OpenAIResponsesModel if posting.api == "responses" else OpenAIModel
    model = kind(
        base_url=posting.base_url,
        model=posting.model,
        api_key=key,
        price=posting.price_source,
        model_digest=posting.model_digest,
    )
    return _on_model(posting, model)


def _openai_parameters(posting: Posting) -> dict[str, str]:
    return {} if posting.api == "chat" else {"api": posting.api}


def _anthropic(posting: Posting, key: Optional["SecretStr"]) -> Employee:
    from agents.employees.providers.anthropic import AnthropicModel

    model = AnthropicModel(base_url=posting.base_url, model=posting.model, api_key=key, price=posting.price_source)
    return _on_model(posting, model)


def _gemini(posting: Posting, key: Optional["SecretStr"]) -> Employee:
    from agents.employees.providers.gemini import GeminiModel

    model = GeminiModel(base_url=posting.base_url, model=posting.model, api_key=key, price=posting.price_source)
    return _on_model(posting, model)


def _ollama(posting: Posting, key: Optional["SecretStr"]) -> Employee:
    from agents.employees.providers.ollama import OllamaModel

    model = OllamaModel(
        base_url=posting.base_url,
        model=posting.model,
        api_key=key,
        price=posting.price_source,
        model_digest=posting.model_digest,
        context_tokens=_context_tokens(posting),
        has_tools=posting.tools,
    )
    return _on_model(posting, model)


async def _ask_ollama(posting: Posting, key: Optional["SecretStr"]) -> ServedModel:
    from agents.employees.providers.ollama_models import ask_about

    return await ask_about(posting.base_url, posting.model, key)


def _context_tokens(posting: Posting) -> int:
    return posting.prompt_tokens_max + posting.output_tokens_max


_PROMPT, _SMALL = "prompt", "small"  # the parameter of a tiny model, and its value


def _ollama_parameters(posting: Posting) -> dict[str, str]:
    small = {_PROMPT: _SMALL} if posting.small else {}
    return {"num_ctx": str(_context_tokens(posting))} | ({} if posting.tools else {"tools": "none"}) | small


def _embedded(posting: Posting, key: Optional["SecretStr"]) -> Employee:
    from agents.employees.providers.llama_cpp import embedded_employee

    del key
    return embedded_employee(id=posting.id, name=posting.name, base_url=posting.base_url, style=posting.style)


def _embedded_parameters(posting: Posting) -> dict[str, str]:
    from agents.employees.providers.llama_cpp import FEEDBACK_MAX, STOPS, TEMPERATURE

    stop = msgspec.json.encode(STOPS[posting.style]).decode()
    return {"temperature": str(TEMPERATURE), "stop": stop, "feedback_max": str(FEEDBACK_MAX)}


def _embedded_prompting(style: Style, parameters: Mapping[str, str]) -> Prompting:
    from agents.employees.providers.llama_cpp import prompting_of

    del parameters
    return prompting_of(style)


def _scripted(posting: Posting, key: Optional["SecretStr"]) -> Employee:
    from agents.employees.providers.scripted import ScriptedEmployee

    del key
    return ScriptedEmployee(id=posting.id, name=posting.name, script=_script(posting.script), delay_s=posting.delay_s)


def _script(name: str) -> "Script":
    from agents.employees.providers.scripted import Recording
    from agents.employees.scripts.cheater import Cheater

    return Cheater() if name == "cheater" else Recording.load(Path(name))


def _ollama_prompting(style: Style, parameters: Mapping[str, str]) -> Prompting:
    prompting = _embedded_prompting if parameters.get(_PROMPT) == _SMALL else _plain_prompting
    return prompting(style, parameters)


PROVIDERS: Mapping[str, Provider] = {
    "openai": Provider(
        shown="openai",
        build=_openai,
        key_env="OPENAI_API_KEY",
        styles=("chat", "grammar"),
        apis=("chat", "responses"),
        parameters=_openai_parameters,
    ),
    "anthropic": Provider(
        shown="anthropic",
        build=_anthropic,
        address="https://api.anthropic.com",
        key_env="ANTHROPIC_API_KEY",
        bytes_per_token_min=2,
    ),
    "gemini": Provider(
        shown="gemini",
        build=_gemini,
        address="https://generativelanguage.googleapis.com",
        key_env="GEMINI_API_KEY",
    ),
    "ollama": Provider(
        shown="ollama",
        build=_ollama,
        address="http://127.0.0.1:11434",
        price="zero",
        ask=_ask_ollama,
        parameters=_ollama_parameters,
        prompting=_ollama_prompting,
    ),
    "embedded": Provider(
        shown="llama.cpp",
        build=_embedded,
        remote=False,
        styles=("chat", "grammar"),
        context_tokens=EMBEDDED_CONTEXT_TOKENS,
        parameters=_embedded_parameters,
        prompting=_embedded_prompting,
    ),
    "scripted": Provider(shown="scripted", build=_scripted, remote=False),
}
"""Kind of a posting -> its provider. The kinds are stored in the files of employees, so they never change."""


def provider_named(kind: str) -> Provider:
    """Return the provider of a kind. Raises Invalid for a kind that is not in the table."""
    provider = PROVIDERS.get(kind)
    if provider is None:
        known = ", ".join(name for name, known in PROVIDERS.items() if known.remote)
        raise Invalid(f"There is no provider {kind[:60]!r}.", hint=f"The providers are: {known}.", code="provider")
    return provider


def profile_of(posting: Posting) -> Profile:
    """Return the organisation's view of an employee: its identity and the upper bounds of one call."""
    provider = provider_named(posting.kind)
    scripted = posting.kind == "scripted"
    call_usd_max, prompt_usd_max = _upper_bounds(posting, provider)
    return Profile(
        name=posting.name,
        provider=provider.shown,
        model=posting.model or posting.script,
        model_digest=posting.model_digest,
        style="scripted" if scripted else posting.style,
        scripted=scripted,
        slots=posting.slots,
        output_tokens_max=posting.output_tokens_max,
        call_tokens_max=provider.context_tokens or posting.prompt_tokens_max + posting.output_tokens_max,
        call_usd_max=call_usd_max,
        prompt_usd_max=prompt_usd_max,
        call_wall_s=posting.wall_s,
        server=origin_of(posting.base_url) if provider.remote else "",
        parameters=provider.parameters(posting) | (posting.agent.parameters() if posting.agent is not None else {}),
        session=posting.session,
        accounts=posting.accounts,
    )


def _upper_bounds(posting: Posting, provider: Provider) -> tuple[Decimal | None, Decimal | None]:
    """Return the highest cost in USD of one call and of its longest prompt alone. An unknown cost is None."""
    if not provider.remote or posting.price_source == "zero":
        return Decimal(0), Decimal(0)

    def price(input_tokens: int, output_tokens: int) -> Decimal | None:
        return cost_of(
            posting.price_source,
            base_url=posting.base_url,
            model=posting.model,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
        ).usd

    longest = math.ceil(posting.prompt_tokens_max * BYTES_PER_TOKEN / provider.bytes_per_token_min)
    whole, answer = price(longest, posting.output_tokens_max), price(0, posting.output_tokens_max)
    return whole, None if whole is None or answer is None else max(Decimal(0), whole - answer)
