"""Prices of calls in USD. The source is the configuration (zero), a price table or the Director. A price may be
unknown.
"""

import hashlib
from decimal import Decimal
from importlib.metadata import version
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from agents.employees.usage import Counted

MILLION = 1_000_000
DIGEST_CHARS = 12
CACHE_WRITE_FACTOR = Decimal("1.25")
"""Price of a token that the provider stores in its cache, as a multiple of the stated price of input."""


class Rates(NamedTuple):
    """USD per million tokens, as the Director stated the prices when the employee was hired."""

    input_usd: Decimal
    output_usd: Decimal

    def __str__(self) -> str:
        return f"{self.input_usd} USD in and {self.output_usd} USD out for a million tokens, as stated"


PriceSource = Literal["zero", "genai-prices"] | Rates
_PROVIDERS = {
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "api.mistral.ai": "mistral",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "openrouter.ai": "openrouter",
    "api.together.xyz": "together",
    "api.fireworks.ai": "fireworks",
    "api.x.ai": "x-ai",
    "generativelanguage.googleapis.com": "google",
}


class Price(NamedTuple):
    """USD and the source of the price. Both are None if the price is unknown."""

    usd: Decimal | None
    source: str | None


UNKNOWN = Price(None, None)


def provider_of(base_url: str) -> str | None:
    """Return the price table's name for the host of an API address, or None if the host is not a known vendor."""
    try:
        return _PROVIDERS.get((urlsplit(base_url).hostname or "").lower())
    except ValueError:
        return None


def cost_of(
    source: PriceSource,
    *,
    base_url: str,
    model: str,
    input_tokens: int | None,
    output_tokens: int | None,
    cached_tokens: int | None = None,
    cache_write_tokens: int | None = None,
) -> Price:
    """Return the cost of these tokens of a model. If the price or the tokens are unknown, the cost is unknown and never
    a guessed 0.
    """
    if source == "zero":
        return Price(Decimal(0), "configured: local model")
    if isinstance(source, Rates):  # cached tokens also cost the full price, because the Director stated no other price
        if input_tokens is None or output_tokens is None:
            return UNKNOWN
        written = min(cache_write_tokens or 0, input_tokens)
        asked = input_tokens - written + written * CACHE_WRITE_FACTOR
        return Price((asked * source.input_usd + output_tokens * source.output_usd) / MILLION, str(source))
    provider = provider_of(base_url)
    if provider is None or input_tokens is None or output_tokens is None:
        return UNKNOWN
    from genai_prices import Usage, calc_price  # this import takes 0.3 s

    cached = min(cached_tokens, input_tokens) if cached_tokens is not None else None
    usage = Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read_tokens=cached,
        cache_write_tokens=min(cache_write_tokens or 0, input_tokens - (cached or 0)) or None,
    )
    try:
        price = calc_price(usage, model_ref=model, provider_id=provider)
    except (LookupError, ValueError):
        return UNKNOWN
    table = f"genai-prices {version('genai-prices')}, prices {prices_digest(price.model_price)}"
    return Price(price.total_price, table)


def prices_digest(prices: object) -> str:
    """Return the version of the prices of one model: a digest of all its rates. It changes with each correction."""
    return hashlib.sha256(repr(prices).encode()).hexdigest()[:DIGEST_CHARS]


def charge_of(
    source: PriceSource,
    tokens: Counted | None,
    *,
    base_url: str,
    requested: str,
    reported: str | None,
    cached_tokens: int | None,
    cache_write_tokens: int | None = None,
) -> Price:
    """Return the charge of a call. It uses the price of the reported model, or else the price of the requested
    model.
    """
    if tokens is None:
        return cost_of(source, base_url=base_url, model=requested, input_tokens=None, output_tokens=None)
    for model in dict.fromkeys((reported or requested, requested)):
        price = cost_of(
            source,
            base_url=base_url,
            model=model,
            input_tokens=tokens.input_tokens,
            output_tokens=tokens.output_tokens,
            cached_tokens=cached_tokens,
            cache_write_tokens=cache_write_tokens,
        )
        if price.usd is not None:
            by = "" if model == (reported or requested) else f", by the price of {requested}"
            return Price(price.usd, f"{price.source}{by}")
    return UNKNOWN
