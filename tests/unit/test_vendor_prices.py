"""Prices and upper bounds of calls to Anthropic and Gemini: stored prompts, prompts from the cache, unknown models."""

from decimal import Decimal

import pytest

from agents.employees.conversation import CallRequest, Message, Tool
from agents.employees.posting import Posting
from agents.employees.postings import build
from agents.employees.pricing import UNKNOWN, PriceSource, Rates, charge_of, cost_of
from agents.employees.providers.anthropic import AnthropicModel
from agents.employees.providers.gemini import GeminiModel
from agents.employees.providers.remote_model import RemoteModel
from agents.employees.providers.table import PROVIDERS, profile_of
from agents.employees.usage import BYTES_PER_TOKEN, MESSAGE_TOKENS, Counted

TOOL = Tool(name="run", description="Run a command.", parameters={"type": "object"})
ANTHROPIC, GOOGLE = (PROVIDERS[kind].address for kind in ("anthropic", "gemini"))
MILLION = 1_000_000
STATED = Rates(Decimal(2), Decimal(10))


def price(model: str, base_url: str = ANTHROPIC, source: PriceSource = "genai-prices", **tokens: int) -> Decimal | None:
    counts = {"input_tokens": 100_000, "output_tokens": 0} | tokens
    return cost_of(source, base_url=base_url, model=model, **counts).usd


def test_a_stored_prompt_costs_more_and_a_cached_one_less() -> None:
    plain = price("claude-sonnet-4-5")
    assert plain == Decimal("0.3")
    assert price("claude-sonnet-4-5", cache_write_tokens=100_000) == plain * Decimal("1.25")
    assert price("claude-sonnet-4-5", cached_tokens=100_000) == plain / 10
    assert price("claude-sonnet-4-5", cached_tokens=60_000, cache_write_tokens=40_000) == Decimal("0.168")


def test_more_stored_and_cached_than_asked_is_not_an_error() -> None:
    assert price("claude-sonnet-4-5", cached_tokens=900_000, cache_write_tokens=900_000) == Decimal("0.03")


def test_a_stated_price_covers_a_stored_prompt() -> None:
    assert price("m", source=STATED) == Decimal("0.2")
    assert price("m", source=STATED, cache_write_tokens=100_000) == Decimal("0.25")
    assert price("m", source=STATED, cached_tokens=100_000) == Decimal("0.2")


def test_both_vendors_are_in_the_table_by_their_hosts() -> None:
    assert price("gemini-2.5-flash", GOOGLE) == Decimal("0.03")
    assert price("gemini-2.5-flash", f"{GOOGLE}/v1beta") == Decimal("0.03")
    assert price("no-such-model", GOOGLE) is None
    assert price("claude-sonnet-4-5", "https://models.example.com") is None
    nothing = charge_of(
        "genai-prices", None, base_url=GOOGLE, requested="gemini-2.5-flash", reported=None, cached_tokens=None
    )
    assert nothing == UNKNOWN


def request(text: str, *, tools: tuple[Tool, ...] = ()) -> CallRequest:
    return CallRequest(messages=(Message(role="user", text=text),), tools=tools, output_tokens_max=100, wall_s=9)


MODELS = (
    AnthropicModel(base_url=ANTHROPIC, model="claude-sonnet-4-5"),
    GeminiModel(base_url=GOOGLE, model="gemini-2.5-flash"),
)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.provider)
def test_the_bound_covers_the_prompt_the_tools_and_the_longest_answer(model: RemoteModel) -> None:
    text = "x" * 3000
    plain, tools = model.bound(request(text)), model.bound(request(text, tools=(TOOL,)))
    assert plain.tokens >= len(text) // BYTES_PER_TOKEN + 100
    assert tools.tokens > plain.tokens
    assert plain.usd is not None
    assert tools.usd is not None
    worst = charge_of(
        model.price,
        Counted(plain.tokens - 100, 100, estimated=False),
        base_url=model.base_url,
        requested=model.model,
        reported=None,
        cached_tokens=None,
    )
    assert plain.usd == worst.usd


def test_the_bound_of_a_session_covers_a_prompt_that_is_stored() -> None:
    model = MODELS[0]
    bound = model.bound(request("x" * 30_000, tools=(TOOL,)))
    asked = bound.tokens - 100
    assert bound.usd == price(model.model, input_tokens=asked, output_tokens=100, cache_write_tokens=asked)
    assert bound.usd is not None
    assert bound.usd > (price(model.model, input_tokens=asked, output_tokens=100) or 0)


def test_the_bound_counts_content_of_the_providers_own_form_and_calls() -> None:
    model = MODELS[0]
    thinking = Message(role="assistant", opaque={"anthropic": [{"type": "thinking", "thinking": "y" * 9000}]})
    long = CallRequest(messages=(thinking,), output_tokens_max=100, wall_s=9)
    assert model.bound(long).tokens > 9000 // BYTES_PER_TOKEN


def test_without_a_known_price_there_is_no_bound_in_dollars() -> None:
    other = AnthropicModel(base_url="https://models.example.com", model="claude-sonnet-4-5")
    assert other.bound(request("x")).usd is None
    stated = AnthropicModel(base_url="https://models.example.com", model="m", price=STATED)
    assert stated.bound(request("x" * 200)).usd == ((100 + MESSAGE_TOKENS) * 2 + 100 * 10) / Decimal(MILLION)
    local = GeminiModel(base_url="http://127.0.0.1:1", model="m", price="zero")
    assert local.bound(request("x")).usd == 0


def test_the_table_of_providers_agrees_with_the_models() -> None:
    for model in MODELS:
        provider = PROVIDERS[model.provider]
        assert (provider.shown, provider.bytes_per_token_min) == (model.provider, model.bytes_per_token_min)
        posting = Posting(name="ada", kind=model.provider, model=model.model, base_url=model.base_url)
        profile = profile_of(posting)
        assert profile.call_usd_max is not None
        longest = "x" * (posting.prompt_tokens_max * BYTES_PER_TOKEN - 100)
        asked = CallRequest(
            messages=(Message(role="user", text=longest),), output_tokens_max=posting.output_tokens_max, wall_s=9
        )
        assert profile.call_usd_max >= (model.bound(asked).usd or 0) > 0
        built = build(posting, {})
        assert built.describe()["provider"] == model.provider
