"""Anthropic's messages. Headers for beta features are not sent on, so their fields are removed."""

from collections.abc import Mapping
from typing import Any

from agents.gateway.fields import (
    IMAGE_TYPES,
    Either,
    Fields,
    Flag,
    Free,
    ImageBytes,
    Items,
    Kinds,
    Neutral,
    Number,
    OneOf,
    Schema,
    Text,
    alternatives,
)
from agents.gateway.usage_reader import MessagesUsage
from agents.gateway.wires import reasons
from agents.gateway.wires.chat import COUNT, NAME
from agents.gateway.wires.wire import Hired, Wire, count_in, stream_flag

THINKING_TOKENS_MIN = 1024
"""The provider's own minimum. With less output than this, thinking is switched off."""
_CACHE = Kinds("type", {"ephemeral": Fields({})})  # without `ttl`: an hour costs more than the usual price
_TEXT = Fields({"text": Text(), "cache_control": _CACHE}, required=("text",))
_SOURCE = Kinds(
    "type",
    {"base64": Fields({"media_type": IMAGE_TYPES, "data": ImageBytes()}, required=("media_type", "data"))},
    refused={"url": reasons.REMOTE, "file": reasons.STORED},
)
_IMAGE = Fields({"source": _SOURCE, "cache_control": _CACHE}, required=("source",))
_DOCUMENTS = {"document": reasons.MEDIA, "search_result": reasons.MEDIA, "container_upload": reasons.STORED}
_RESULT_PARTS = Kinds("type", {"text": _TEXT, "image": _IMAGE}, refused=_DOCUMENTS)
_BLOCKS = Kinds(
    "type",
    {
        "text": _TEXT,
        "image": _IMAGE,
        "tool_use": Fields(
            {"id": NAME, "name": NAME, "input": Free(), "cache_control": _CACHE}, required=("id", "name", "input")
        ),
        "tool_result": Fields(
            {
                "tool_use_id": NAME,
                "content": Either(text=Text(), items=Items(_RESULT_PARTS)),
                "is_error": Flag(),
                "cache_control": _CACHE,
            },
            required=("tool_use_id",),
        ),
        "thinking": Fields({"thinking": Text(), "signature": Text()}),
        "redacted_thinking": Fields({"data": Text()}),
    },
    refused={
        **_DOCUMENTS,
        **alternatives(
            ("server_tool", "web_", "mcp_", "code_", "bash_code", "text_editor_code", "tool_search"),
            reasons.HOSTED_TOOL,
        ),
    },
)
_CUSTOM_TOOL = Fields(
    {"name": NAME, "description": Text(), "input_schema": Schema(), "strict": Flag(), "cache_control": _CACHE},
    required=("name",),
)
_OWN_TOOL = Fields({"name": NAME, "cache_control": _CACHE}, required=("name",))
_OWN_TOOLS = ("bash_20250124", "text_editor_20250124", "text_editor_20250429", "text_editor_20250728")
"""Tools with a schema of the provider that the agent runs itself."""
_TOOLS = Kinds(
    "type",
    {"custom": _CUSTOM_TOOL, **dict.fromkeys(_OWN_TOOLS, _OWN_TOOL)},
    default="custom",
    refused=alternatives(
        ("web_", "code_execution", "computer", "mcp", "tool_search", "memory", "advisor"), reasons.HOSTED_TOOL
    ),
)
_CHOICES = {
    **dict.fromkeys(("auto", "any"), Fields({"disable_parallel_tool_use": Flag()})),
    "tool": Fields({"name": NAME, "disable_parallel_tool_use": Flag()}),
    "none": Fields({}),
}
_THINKING = Kinds(
    "type",
    {
        "enabled": Fields({"budget_tokens": COUNT, "display": Text(32)}, required=("budget_tokens",)),
        "adaptive": Fields({"display": Text(32)}),
        "disabled": Fields({}),
    },
)
RULE = Fields(
    {
        "model": Text(),
        "messages": Items(
            Fields(
                {"role": OneOf(("user", "assistant", "system")), "content": Either(text=Text(), items=Items(_BLOCKS))},
                required=("role", "content"),
            )
        ),
        "system": Either(text=Text(), items=Items(Kinds("type", {"text": _TEXT}))),
        "tools": Items(_TOOLS, 1000),
        "tool_choice": Kinds("type", _CHOICES),
        "thinking": _THINKING,
        "output_config": Fields({"effort": Text(32)}),
        "temperature": Number(0, 1),
        "top_p": Number(0, 1),
        "top_k": Number(0, 10**6, whole=True),
        "stop_sequences": Items(Text(1000), 16),
        "stream": Flag(),
        "max_tokens": COUNT,
        "cache_control": _CACHE,
        "service_tier": Neutral(("auto", "standard_only"), reasons.PRICE),
        "speed": Neutral(("standard",), reasons.PRICE),
        "mcp_servers": Neutral(([],), reasons.HOSTED_TOOL),
    },
    refused={"container": reasons.STORED, "inference_geo": reasons.PRICE, "fallbacks": reasons.OTHER_MODEL},
    required=("messages",),
)


def _asked(body: Mapping[str, Any]) -> int | None:
    return count_in(body, "max_tokens")


def _forced(body: dict[str, Any], hired: Hired, output_tokens: int) -> dict[str, Any]:
    forced = {**body, "model": hired.model, "max_tokens": output_tokens}
    thinking = body.get("thinking")
    if isinstance(thinking, dict) and thinking.get("type") == "enabled":
        if output_tokens <= THINKING_TOKENS_MIN:
            del forced["thinking"]
        else:
            forced["thinking"] = {**thinking, "budget_tokens": min(thinking["budget_tokens"], output_tokens - 1)}
    return forced


WIRE = Wire(name="messages", rule=RULE, asked=_asked, forced=_forced, streams=stream_flag, reader=MessagesUsage)
