"""Gemini's generateContent and streamGenerateContent. The model is a part of the path."""

from collections.abc import Mapping
from typing import Any

from agents.gateway.fields import (
    IMAGE_TYPES,
    Fields,
    Flag,
    Free,
    ImageBytes,
    Items,
    Neutral,
    Number,
    OneOf,
    Schema,
    Text,
    alternatives,
)
from agents.gateway.usage_reader import GeminiUsage
from agents.gateway.wires import reasons
from agents.gateway.wires.chat import COUNT, NAME
from agents.gateway.wires.wire import Hired, Wire, count_in

_PART = Fields(
    {
        "text": Text(),
        "thought": Flag(),
        "thoughtSignature": Text(),
        "inlineData": Fields({"mimeType": IMAGE_TYPES, "data": ImageBytes()}, required=("mimeType", "data")),
        "functionCall": Fields({"id": NAME, "name": NAME, "args": Free()}, required=("name",)),
        "functionResponse": Fields({"id": NAME, "name": NAME, "response": Free()}, required=("name",)),
    },
    refused={
        "fileData": reasons.REMOTE,
        "file_data": reasons.REMOTE,
        **alternatives(("executableCode", "codeExecutionResult", "toolCall", "toolResponse"), reasons.HOSTED_TOOL),
    },
)
_CONTENT = Fields({"role": OneOf(("user", "model", "function", "system")), "parts": Items(_PART)}, required=("parts",))
_DECLARATION = Fields(
    {
        "name": NAME,
        "description": Text(),
        "parameters": Schema(),
        "parametersJsonSchema": Schema(),
        "response": Schema(),
        "responseJsonSchema": Schema(),
    },
    required=("name",),
)
_HOSTED = (
    "googleSearch",
    "googleSearchRetrieval",
    "urlContext",
    "codeExecution",
    "computerUse",
    "fileSearch",
    "googleMaps",
    "enterpriseWebSearch",
    "retrieval",
    "mcpServers",
    "google_search",
    "google_search_retrieval",
    "url_context",
    "code_execution",
    "computer_use",
    "file_search",
    "google_maps",
)
_TOOL = Fields(
    {"functionDeclarations": Items(_DECLARATION, 1000)},
    refused=alternatives(_HOSTED, reasons.HOSTED_TOOL),
    required=("functionDeclarations",),
)
_CONFIG = Fields(
    {
        "maxOutputTokens": COUNT,
        "temperature": Number(0, 2),
        "topP": Number(0, 1),
        "topK": Number(0, 10**6),
        "seed": Number(-(2**31), 2**31 - 1, whole=True),
        "stopSequences": Items(Text(1000), 16),
        "presencePenalty": Number(-2, 2),
        "frequencyPenalty": Number(-2, 2),
        "responseMimeType": OneOf(("text/plain", "application/json", "text/x.enum")),
        "responseSchema": Schema(),
        "responseJsonSchema": Schema(),
        "thinkingConfig": Fields(
            {"includeThoughts": Flag(), "thinkingBudget": Number(-1, 10**9, whole=True), "thinkingLevel": Text(32)}
        ),
        "candidateCount": Neutral((1,), reasons.MANY),
        "responseLogprobs": Neutral((False,), reasons.MANY),
        "logprobs": Neutral((0,), reasons.MANY),
        "responseModalities": Neutral((["TEXT"], ["text"]), reasons.MEDIA),
    },
    refused=alternatives(("speechConfig", "imageConfig", "audioTimestamp"), reasons.MEDIA)
    | {"candidate_count": reasons.MANY},
)
_CALLING = Fields({"mode": Text(32), "allowedFunctionNames": Items(NAME, 1000)})
RULE = Fields(
    {
        "model": Text(),
        "contents": Items(_CONTENT),
        "systemInstruction": _CONTENT,
        "tools": Items(_TOOL, 100),
        "toolConfig": Fields({"functionCallingConfig": _CALLING}),
        "safetySettings": Items(Fields({"category": Text(80), "threshold": Text(80)}), 20),
        "generationConfig": _CONFIG,
        "store": Neutral((False,), reasons.STORED),
        "serviceTier": Neutral(("standard",), reasons.PRICE),
    },
    refused={
        "cachedContent": reasons.STORED,
        "cached_content": reasons.STORED,
        "service_tier": reasons.PRICE,
        "system_instruction": "write `systemInstruction`.",
        "generation_config": "write `generationConfig`.",
    },
    required=("contents",),
)


def _asked(body: Mapping[str, Any]) -> int | None:
    config = body.get("generationConfig")
    return count_in(config, "maxOutputTokens") if isinstance(config, dict) else None


def _forced(body: dict[str, Any], hired: Hired, output_tokens: int) -> dict[str, Any]:
    """Return the request with its limit. The hired model is in the path, so the field is removed."""
    del hired
    config = {**(body.get("generationConfig") or {}), "maxOutputTokens": output_tokens}
    return {key: value for key, value in body.items() if key != "model"} | {"generationConfig": config}


def _never(body: Mapping[str, Any]) -> bool:
    del body
    return False


WIRE = Wire(name="gemini", rule=RULE, asked=_asked, forced=_forced, streams=_never, reader=GeminiUsage)
