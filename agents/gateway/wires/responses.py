"""OpenAI's responses, without stored conversations."""

from collections.abc import Mapping
from typing import Any

from agents.gateway.fields import (
    DataUrl,
    Either,
    Fields,
    Flag,
    Free,
    Items,
    Kinds,
    Neutral,
    Number,
    OneOf,
    Schema,
    Text,
    alternatives,
)
from agents.gateway.usage_reader import ResponsesUsage
from agents.gateway.wires import reasons
from agents.gateway.wires.chat import COUNT, HOSTED_TOOLS, NAME
from agents.gateway.wires.wire import Hired, Wire, count_in, stream_flag

_PART_KINDS = {
    "input_text": Fields({"text": Text()}, required=("text",)),
    "output_text": Fields({"text": Text()}, required=("text",)),
    "refusal": Fields({"refusal": Text()}),
    "input_image": Fields(
        {"image_url": DataUrl(), "detail": OneOf(("auto", "low", "high"))},
        refused={"file_id": reasons.STORED},
        required=("image_url",),
    ),
}
_PARTS = Kinds(
    "type",
    _PART_KINDS,
    refused={"input_file": reasons.REMOTE, **alternatives(("input_audio", "input_video"), reasons.MEDIA)},
)
_OUTPUT = Either(text=Text(), items=Items(_PARTS))
_STATUS = Text(32)
_TEXTS = Items(Fields({"type": Text(32), "text": Text()}))
_ITEMS = Kinds(
    "type",
    {
        "message": Fields(
            {
                "role": OneOf(("user", "assistant", "system", "developer")),
                "content": Either(text=Text(), items=Items(_PARTS)),
                "id": NAME,
                "status": _STATUS,
                "phase": _STATUS,
            },
            required=("role",),
        ),
        "function_call": Fields(
            {
                "id": NAME,
                "call_id": NAME,
                "name": NAME,
                "namespace": NAME,
                "arguments": Text(),
                "status": _STATUS,
            },
            required=("call_id",),
        ),
        "function_call_output": Fields(
            {"id": NAME, "call_id": NAME, "output": _OUTPUT, "status": _STATUS}, required=("call_id",)
        ),
        "custom_tool_call": Fields(
            {"id": NAME, "call_id": NAME, "name": NAME, "namespace": NAME, "input": Text(), "status": _STATUS},
            required=("call_id",),
        ),
        "custom_tool_call_output": Fields({"id": NAME, "call_id": NAME, "output": _OUTPUT}, required=("call_id",)),
        "local_shell_call": Fields({"id": NAME, "call_id": NAME, "action": Free(), "status": _STATUS}),
        "local_shell_call_output": Fields({"id": NAME, "call_id": NAME, "output": Text(), "status": _STATUS}),
        "reasoning": Fields(
            {"id": NAME, "summary": _TEXTS, "content": _TEXTS, "encrypted_content": Text(), "status": _STATUS}
        ),
    },
    default="message",
    refused={
        "item_reference": reasons.STORED,
        "compaction": reasons.STORED,
        **HOSTED_TOOLS,
    },
)
_FORMAT = Fields({"type": Text(32), "syntax": Text(32), "definition": Text()})
_OWN_TOOLS = {
    "function": Fields(
        {"name": NAME, "description": Text(), "parameters": Schema(), "strict": Flag()}, required=("name",)
    ),
    "custom": Fields({"name": NAME, "description": Text(), "format": _FORMAT}, required=("name",)),
    "local_shell": Fields({}),
}
_GROUPED = Items(Kinds("type", _OWN_TOOLS, refused=HOSTED_TOOLS), 1000)
_TOOLS = Kinds(
    "type",
    {**_OWN_TOOLS, "namespace": Fields({"name": NAME, "description": Text(), "tools": _GROUPED}, required=("name",))},
    refused=HOSTED_TOOLS,
)
_TEXT_FORMATS = {
    "text": Fields({}),
    "json_object": Fields({}),
    "json_schema": Fields({"name": NAME, "description": Text(), "schema": Schema(), "strict": Flag()}),
}
RULE = Fields(
    {
        "model": Text(),
        "input": Either(text=Text(), items=Items(_ITEMS)),
        "instructions": Text(),
        "tools": Items(_TOOLS, 1000),
        "tool_choice": Either(
            text=OneOf(("none", "auto", "required")),
            fields=Kinds("type", {"function": Fields({"name": NAME}), "custom": Fields({"name": NAME})}),
        ),
        "parallel_tool_calls": Flag(),
        "temperature": Number(0, 2),
        "top_p": Number(0, 1),
        "reasoning": Fields({"effort": Text(32), "summary": Text(32)}),
        "text": Fields({"format": Kinds("type", _TEXT_FORMATS), "verbosity": Text(32)}),
        "include": Items(OneOf(("reasoning.encrypted_content",)), 8),
        "truncation": OneOf(("auto", "disabled")),
        "stream": Flag(),
        "max_output_tokens": COUNT,
        "store": Neutral((False,), reasons.STORED),
        "background": Neutral((False,), reasons.STORED),
        "metadata": Neutral(({},), reasons.STORED),
        "top_logprobs": Neutral((0,), reasons.MANY),
        "service_tier": Neutral(("auto", "default"), reasons.PRICE),
    },
    refused={
        "previous_response_id": reasons.STORED,
        "conversation": reasons.STORED,
        "prompt": reasons.STORED,
        "context_management": reasons.STORED,
        "n": reasons.MANY,
        "logit_bias": reasons.MANY,
    },
    required=("input",),
)


def _asked(body: Mapping[str, Any]) -> int | None:
    return count_in(body, "max_output_tokens")


def _forced(body: dict[str, Any], hired: Hired, output_tokens: int) -> dict[str, Any]:
    return {**body, "model": hired.model, "max_output_tokens": output_tokens, "store": False}


WIRE = Wire(name="responses", rule=RULE, asked=_asked, forced=_forced, streams=stream_flag, reader=ResponsesUsage)
