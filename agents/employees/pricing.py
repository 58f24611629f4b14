"""What a call costs in USD: zero only where the configuration says so, a price table for hosted models, or unknown."""

from decimal import Decimal
from importlib.metadata import version
from typing import Literal
from urllib.parse import urlsplit

PriceSource = Literal["zero", "genai-prices"]
INPUT_CHARS_PER_TOKEN = 3  # a careful guess: real text has 3.5 to 4.5
_PROVIDERS = {
    "api.openai.com": "openai",
    "api.mistral.ai": "mistral",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "openrouter.ai": "openrouter",
    "api.together.xyz": "together",
    "api.fireworks.ai": "fireworks",
    "api.x.ai": "x-ai",
    "generativelanguage.googleapis.com": "google",
}


def provider_of(base_url: str) -> str | None:
    """The price table's name for the host of an API address, or None when it is not a known vendor."""
    return _PROVIDERS.get((urlsplit(base_url).hostname or "").lower())


def cost_of(
    source: PriceSource,
    *,
    base_url: str,
    model: str,
    input_tokens: int | None,
    output_tokens: int | None,
    cached_tokens: int | None = None,
) -> tuple[Decimal | None, str | None]:
    """(USD, where the price comes from); (None, None) when the price or the tokens are not known. Never a guessed 0."""
    if source == "zero":
        return Decimal(0), "configured: local model"
    provider = provider_of(base_url)
    if provider is None or input_tokens is None or output_tokens is None:
        return None, None
    from genai_prices import Usage, calc_price  # 0.3 s to import

    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens, cache_read_tokens=cached_tokens)
    try:
        price = calc_price(usage, model_ref=model, provider_id=provider)
    except LookupError:
        return None, None
    return price.total_price, f"genai-prices {version('genai-prices')}"


def input_tokens_at_most(chars: int) -> int:
    """An upper estimate of the tokens of a prompt, rounded up."""
    return -(-chars // INPUT_CHARS_PER_TOKEN)
