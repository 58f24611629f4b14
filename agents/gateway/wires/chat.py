"""OpenAI's chat completions."""

from collections.abc import Mapping
from typing import Any

from agents.gateway.fields import (
    DataUrl,
    Either,
    Fields,
    Flag,
    Items,
    Kinds,
    Neutral,
    Number,
    OneOf,
    Schema,
    Text,
    alternatives,
)
from agents.gateway.usage_reader import ChatUsage
from agents.gateway.wires import reasons
from agents.gateway.wires.wire import Hired, Wire, count_in, stream_flag

NAME = Text(256)
COUNT = Number(1, 10**9, whole=True)
HOSTED_TOOLS = alternatives(
    ("web", "browser", "code", "file", "computer", "image", "mcp", "live", "retrieval", "shell", "search", "url"),
    reasons.HOSTED_TOOL,
)
"""Beginnings of the kinds of tools that providers run."""
FORMATS = {
    "text": Fields({}),
    "json_object": Fields({}),
    "json_schema": Fields(
        {"json_schema": Fields({"name": NAME, "description": Text(), "schema": Schema(), "strict": Flag()})}
    ),
}
_TEXT_PART = Fields({"text": Text()}, required=("text",))
_PARTS = Kinds(
    "type",
    {
        "text": _TEXT_PART,
        "refusal": Fields({"refusal": Text()}),
        "image_url": Fields(
            {"image_url": Fields({"url": DataUrl(), "detail": OneOf(("auto", "low", "high"))}, required=("url",))},
            required=("image_url",),
        ),
    },
    refused={
        "file": reasons.REMOTE,
        "input_file": reasons.REMOTE,
        **alternatives(("input_audio", "audio", "video", "document"), reasons.MEDIA),
    },
)
_CALLS = Items(
    Kinds(
        "type",
        {
            "function": Fields(
                {"id": NAME, "function": Fields({"name": NAME, "arguments": Text()}), "index": Number(0, 10**6)}
            ),
            "custom": Fields({"id": NAME, "custom": Fields({"name": NAME, "input": Text()})}),
        },
        default="function",
    )
)
_MESSAGE = Fields(
    {
        "role": OneOf(("system", "developer", "user", "assistant", "tool")),
        "content": Either(text=Text(), items=Items(_PARTS)),
        "name": NAME,
        "tool_calls": _CALLS,
        "tool_call_id": NAME,
        "refusal": Text(),
        "reasoning_content": Text(),
        "reasoning": Text(),
    },
    refused={"audio": reasons.STORED, "function_call": reasons.LEGACY},
    required=("role",),
)
_FUNCTION = Fields({"name": NAME, "description": Text(), "parameters": Schema(), "strict": Flag()}, required=("name",))
_GRAMMAR = Fields({"type": Text(32), "grammar": Fields({"syntax": Text(32), "definition": Text()})})
_TOOLS = Kinds(
    "type",
    {
        "function": Fields({"function": _FUNCTION}, required=("function",)),
        "custom": Fields({"custom": Fields({"name": NAME, "description": Text(), "format": _GRAMMAR})}),
    },
    refused=HOSTED_TOOLS,
)
_CHOICE = Kinds(
    "type",
    {
        "function": Fields({"function": Fields({"name": NAME})}),
        "custom": Fields({"custom": Fields({"name": NAME})}),
    },
)
RULE = Fields(
    {
        "model": Text(),
        "messages": Items(_MESSAGE),
        "tools": Items(_TOOLS, 1000),
        "tool_choice": Either(text=OneOf(("none", "auto", "required")), fields=_CHOICE),
        "parallel_tool_calls": Flag(),
        "temperature": Number(0, 2),
        "top_p": Number(0, 1),
        "frequency_penalty": Number(-2, 2),
        "presence_penalty": Number(-2, 2),
        "seed": Number(-(2**63), 2**63 - 1, whole=True),
        "stop": Either(text=Text(1000), items=Items(Text(1000), 16)),
        "response_format": Kinds("type", FORMATS),
        "reasoning_effort": Text(32),
        "verbosity": Text(32),
        "stream": Flag(),
        "stream_options": Fields({"include_usage": Flag()}),
        "max_tokens": COUNT,
        "max_completion_tokens": COUNT,
        "n": Neutral((1,), reasons.MANY),
        "best_of": Neutral((1,), reasons.MANY),
        "logprobs": Neutral((False,), reasons.MANY),
        "top_logprobs": Neutral((0,), reasons.MANY),
        "logit_bias": Neutral(({},), reasons.MANY),
        "store": Neutral((False,), reasons.STORED),
        "metadata": Neutral(({},), reasons.STORED),
        "service_tier": Neutral(("auto", "default"), reasons.PRICE),
        "modalities": Neutral((["text"],), reasons.MEDIA),
    },
    refused={
        "audio": reasons.MEDIA,
        "prediction": reasons.PRICE,
        "prompt_logprobs": reasons.MANY,
        "functions": reasons.LEGACY,
        "function_call": reasons.LEGACY,
        **alternatives(("models", "route", "provider", "fallbacks"), reasons.OTHER_MODEL),
        **alternatives(
            ("web_search_options", "search_parameters", "enable_search", "search_options", "plugins"),
            reasons.HOSTED_TOOL,
        ),
    },
    required=("messages",),
)


def _asked(body: Mapping[str, Any]) -> int | None:
    return count_in(body, "max_tokens", "max_completion_tokens")


def _forced(body: dict[str, Any], hired: Hired, output_tokens: int) -> dict[str, Any]:
    """Return the request with the hired model and its limit. OpenAI's newer models accept only the newer name."""
    name = "max_completion_tokens" if hired.newer_limit or "max_completion_tokens" in body else "max_tokens"
    rest = {key: value for key, value in body.items() if key not in ("max_tokens", "max_completion_tokens")}
    rest.pop("stream_options", None)
    forced = {**rest, "model": hired.model, name: output_tokens}
    return {**forced, "stream_options": {"include_usage": True}} if stream_flag(body) else forced


WIRE = Wire(name="chat", rule=RULE, asked=_asked, forced=_forced, streams=stream_flag, reader=ChatUsage)
