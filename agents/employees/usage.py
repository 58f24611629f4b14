"""Token usage of a call: the numbers that a server reports under any known name, and an estimate if there are none."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

BYTES_PER_TOKEN = 3
"""Used for estimates. Real text has 3.5 to 4.5 bytes per token, so an estimate is usually higher than the real
number.
"""
MESSAGE_TOKENS = 16
"""Tokens that a server adds to each message for its role: 7 were measured."""
TOKENS_REPORTED_MAX = 10**9  # limit for one call; a greater number is not a token count
_INPUT = (
    "prompt_tokens",
    "input_tokens",
    "prompt_token_count",
    "promptTokenCount",
    "inputTokens",
    "inputTokenCount",
    "prompt_eval_count",
    "tokens_prompt",
    "native_tokens_prompt",
    "prompt_n",
)
_OUTPUT = (
    "completion_tokens",
    "output_tokens",
    "candidates_token_count",
    "candidatesTokenCount",
    "completion_token_count",
    "outputTokens",
    "outputTokenCount",
    "generated_tokens",
    "eval_count",
    "tokens_completion",
    "native_tokens_completion",
    "predicted_n",
)
_TOTAL = ("total_tokens", "total_token_count", "totalTokenCount", "totalTokens", "tokens")
_THOUGHTS = ("thoughts_token_count", "thoughtsTokenCount")  # not part of the output count
_CACHED = ("cached_tokens", "cache_read_input_tokens", "prompt_cache_hit_tokens", "cachedContentTokenCount")
_PLACES = ("usage", "usageMetadata", "usage_metadata", "x_groq", "meta", "billed_units", "metrics", "timings")
"""Keys under which servers put the counts, the usual key first. llama.cpp's `timings` counts only uncached tokens."""
_REASONING_MODELS = re.compile(
    r"(?:^|[/:_-])(?:o[1-9]|gpt-5|gpt-oss|deepseek-r|deepseek-reasoner|qwq|qwen3|magistral|r1)(?![a-z])|reason|think|"
    r"gemini-(?:2\.5|[3-9])|grok-(?:3-mini|[4-9])|claude-.*(?:opus|sonnet|haiku)-[4-9]|glm-4\.[5-9]|kimi-k2|minimax-m"
)


class Usage(NamedTuple):
    """Tokens as the server reported them. A value is None if the server did not report it. `total` is set only if input
    and output tokens were not reported.
    """

    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    total: int | None = None
    cache_write_tokens: int | None = None  # part of the input, stored for later calls at a higher price


class Counted(NamedTuple):
    """The charged tokens of a call. `estimated`: at least one of the numbers is not from the server."""

    input_tokens: int
    output_tokens: int
    estimated: bool


def usage_of(raw: Mapping[str, Any]) -> Usage:
    """Return the usage of a response. Values that cannot be counts (negative, infinite, words) are ignored."""
    for source in _sources(raw):
        asked, made, total = _first(source, _INPUT), _first(source, _OUTPUT), _first(source, _TOTAL)
        if asked is None and made is None and total is None:
            continue
        thoughts = _first(source, _THOUGHTS)
        if made is not None and thoughts:
            made += thoughts
        if asked is None and made is not None and total is not None:
            asked = max(0, total - made)
        if made is None and asked is not None and total is not None:
            made = max(0, total - asked)
        if not (asked or made or total):
            continue  # zeros cannot be right, because the answer has text
        return Usage(
            input_tokens=asked,
            output_tokens=made,
            cached_tokens=_cached(source),
            reasoning_tokens=thoughts or _reasoning(source),
            total=total if asked is None and made is None else None,
        )
    return Usage()


def counted(
    usage: Usage, *, prompt_bytes: int, answer_bytes: int, complete: bool, hidden_reasoning: bool
) -> Counted | None:
    """Return the charged tokens, or None if only the upper bound is known.

    Numbers that were not reported are estimated from the bytes, if the answer is complete and the model does not hide
    its reasoning.
    """
    asked, made = usage.input_tokens, usage.output_tokens
    if asked is not None and made is not None:
        return Counted(asked, made, estimated=False)
    if usage.total is not None:
        part = min(usage.total, tokens_of(prompt_bytes))
        return Counted(part, usage.total - part, estimated=True)
    if not complete or (made is None and hidden_reasoning):
        return None
    return Counted(
        tokens_of(prompt_bytes) if asked is None else asked,
        tokens_of(answer_bytes) if made is None else made,
        estimated=True,
    )


def tokens_of(length: int) -> int:
    """Return the estimated tokens for a text of `length` bytes, rounded up."""
    return -(-length // BYTES_PER_TOKEN)


def prompt_bytes(messages: Iterable[Mapping[str, Any]]) -> int:
    """Return the number of bytes of the texts of a prompt's messages."""
    return sum(len(str(message["content"]).encode(errors="replace")) for message in messages)


def may_reason_hidden(*models: str) -> bool:
    """Return whether a model of one of these names may use tokens for thinking that its answer does not show."""
    return any(_REASONING_MODELS.search(model.lower()) for model in models)


def _sources(raw: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the mappings that may contain counts: the known places, the mappings inside them, and the response."""
    for place in _PLACES:
        source = mapping_in(raw, place)
        if source:
            yield source
            for inner in _PLACES:
                if nested := mapping_in(source, inner):
                    yield nested
    yield raw


def _cached(source: Mapping[str, Any]) -> int | None:
    for details in (mapping_in(source, "prompt_tokens_details"), mapping_in(source, "input_tokens_details"), source):
        cached = _first(details, _CACHED)
        if cached is not None:
            return cached
    return None


def _reasoning(source: Mapping[str, Any]) -> int | None:
    places = ("completion_tokens_details", "output_tokens_details")
    counts = (count_of(mapping_in(source, place).get("reasoning_tokens")) for place in places)
    return next((count for count in counts if count is not None), None)


def _first(source: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    return next((count for name in names if (count := count_of(source.get(name))) is not None), None)


def mapping_in(source: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the object under a key, or an empty object."""
    value = source.get(key)
    return value if isinstance(value, dict) else {}


def count_of(value: Any) -> int | None:
    """Return a count as an integer, rounded up. A server may send a count as a fraction or as text."""
    if isinstance(value, str) and len(value) <= 20:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return math.ceil(value) if 0 <= value <= TOKENS_REPORTED_MAX else None
