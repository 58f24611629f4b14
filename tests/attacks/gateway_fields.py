"""Attempts to leave the box through fields of a request, as data: (name, wire, change of an honest request).

`REFUSED`: the gateway answers with an error that names the field. `REMOVED`: the call is made without the field.
"""

from typing import Any

from agents.gateway.refusals import WireName
from tests.gateways import honest_body

CANARY = "canary-5d1e77"
REMOTE = f"http://192.0.2.7/{CANARY}.png"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
IMAGE = f"data:image/png;base64,{PIXEL}"
Row = tuple[str, WireName, dict[str, Any]]


def _chat_part(**part: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [part]}]}


def _input_part(**part: Any) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": [part]}]}


def _block(**block: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [block]}]}


def _source(**source: Any) -> dict[str, Any]:
    return _block(type="image", source=source)


def _gemini_part(**part: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [part]}]}


def _function(**fields: Any) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": {"name": "run", **fields}}]}


CHAT: tuple[tuple[str, dict[str, Any]], ...] = (
    ("five answers", {"n": 5}),
    ("best of five", {"best_of": 5}),
    ("logprobs", {"logprobs": True}),
    ("20 logprobs for each token", {"top_logprobs": 20}),
    ("logprobs of the prompt", {"prompt_logprobs": 20}),
    ("a bias that forbids the end", {"logit_bias": {"50256": -100}}),
    ("a stored answer", {"store": True}),
    ("stored metadata", {"metadata": {"note": CANARY}}),
    ("a dearer tier", {"service_tier": "priority"}),
    ("sound as output", {"modalities": ["text", "audio"]}),
    ("a voice", {"audio": {"voice": "alloy", "format": "wav"}}),
    ("a prediction that is billed", {"prediction": {"type": "content", "content": CANARY}}),
    ("web search by option", {"web_search_options": {}}),
    ("web search by plugin", {"plugins": [{"id": "web", "search_prompt": CANARY}]}),
    ("live search", {"search_parameters": {"mode": "on"}}),
    ("search by flag", {"enable_search": True}),
    ("other models", {"models": ["dear-model"]}),
    ("another route", {"route": "fallback"}),
    ("old functions", {"functions": [{"name": "run"}]}),
    ("a web search tool", {"tools": [{"type": "web_search_preview"}]}),
    ("a browser tool", {"tools": [{"type": "browser_search"}]}),
    ("a remote MCP server", {"tools": [{"type": "mcp", "server_url": REMOTE}]}),
    ("a tool of a kind from tomorrow", {"tools": [{"type": "teleport", "to": REMOTE}]}),
    ("a remote image", _chat_part(type="image_url", image_url={"url": REMOTE})),
    ("a local file as image", _chat_part(type="image_url", image_url={"url": f"file:///{CANARY}"})),
    ("a page as image", _chat_part(type="image_url", image_url={"url": "data:text/html;base64,PGh0bWw+"})),
    ("a data URL with a second address", _chat_part(type="image_url", image_url={"url": f"{IMAGE}#{REMOTE}"})),
    ("a stored file", _chat_part(type="file", file={"file_id": CANARY})),
    ("sound as input", _chat_part(type="input_audio", input_audio={"data": PIXEL, "format": "wav"})),
    ("a video", _chat_part(type="video_url", video_url={"url": REMOTE})),
    ("a part of a kind from tomorrow", _chat_part(type="portal", url=REMOTE)),
    (
        "21 images",
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": IMAGE}}] * 21}]},
    ),
    ("a remote schema", _function(parameters={"type": "object", "properties": {"x": {"$ref": REMOTE}}})),
    ("a remote dynamic schema", _function(parameters={"allOf": [{"$dynamicRef": REMOTE}]})),
    ("a stored sound in a message", {"messages": [{"role": "assistant", "audio": {"id": CANARY}}]}),
    ("a negative limit", {"max_tokens": -1}),
    ("a limit that is a text", {"max_tokens": "1000000"}),
    ("a limit that is a fraction", {"max_tokens": 1.5}),
    ("a temperature above all", {"temperature": 1e300}),
    ("no messages", {"messages": None}),
    ("a message that is a text", {"messages": [CANARY]}),
)
RESPONSES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("an earlier answer", {"previous_response_id": CANARY}),
    ("a stored conversation", {"conversation": CANARY}),
    ("work in the background", {"background": True}),
    ("a stored answer", {"store": True}),
    ("a stored prompt", {"prompt": {"id": CANARY}}),
    ("compaction at the provider", {"context_management": [{"type": "compaction"}]}),
    ("stored metadata", {"metadata": {"note": CANARY}}),
    ("a slower tier", {"service_tier": "flex"}),
    ("logprobs", {"top_logprobs": 20}),
    ("results of hosted tools", {"include": ["web_search_call.action.sources"]}),
    ("web search", {"tools": [{"type": "web_search"}]}),
    ("file search", {"tools": [{"type": "file_search", "vector_store_ids": [CANARY]}]}),
    ("a code interpreter", {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}),
    ("a computer", {"tools": [{"type": "computer_use_preview"}]}),
    ("images", {"tools": [{"type": "image_generation"}]}),
    ("a remote MCP server", {"tools": [{"type": "mcp", "server_url": REMOTE}]}),
    ("a hosted shell", {"tools": [{"type": "shell"}]}),
    (
        "web search in a group of tools",
        {"tools": [{"type": "namespace", "name": "x", "tools": [{"type": "web_search"}]}]},
    ),
    ("a choice of a hosted tool", {"tool_choice": {"type": "web_search_preview"}}),
    ("a reference to a stored item", {"input": [{"type": "item_reference", "id": CANARY}]}),
    ("a call of a hosted tool", {"input": [{"type": "mcp_call", "server_label": CANARY}]}),
    ("a remote file", _input_part(type="input_file", file_url=REMOTE)),
    ("a stored image", _input_part(type="input_image", file_id=CANARY)),
    ("a remote image", _input_part(type="input_image", image_url=REMOTE)),
    (
        "a remote image as a tool's output",
        {
            "input": [
                {
                    "type": "function_call_output",
                    "call_id": "c",
                    "output": [{"type": "input_image", "image_url": REMOTE}],
                }
            ]
        },
    ),
)
MESSAGES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("remote MCP servers", {"mcp_servers": [{"type": "url", "url": REMOTE, "name": "x"}]}),
    ("a container", {"container": CANARY}),
    ("a dearer tier", {"service_tier": "priority"}),
    ("a dearer speed", {"speed": "fast"}),
    ("another region", {"inference_geo": "us"}),
    ("other models", {"fallbacks": [{"model": "dear-model"}]}),
    ("web search", {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
    ("web fetch", {"tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}]}),
    ("code execution", {"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]}),
    ("a computer", {"tools": [{"type": "computer_20250124", "name": "computer"}]}),
    ("tools of a remote MCP server", {"tools": [{"type": "mcp_toolset", "mcp_server_name": CANARY}]}),
    ("a remote document", _block(type="document", source={"type": "url", "url": REMOTE})),
    ("a stored document", _block(type="document", source={"type": "file", "file_id": CANARY})),
    ("a remote image", _source(type="url", url=REMOTE)),
    ("a stored image", _source(type="file", file_id=CANARY)),
    ("a file for a container", _block(type="container_upload", file_id=CANARY)),
    ("a hosted tool's call", _block(type="server_tool_use", id="x", name="web_fetch", input={"url": REMOTE})),
    (
        "a remote image in a tool's result",
        _block(type="tool_result", tool_use_id="x", content=[{"type": "image", "source": {"type": "url", "url": "x"}}]),
    ),
)
GEMINI: tuple[tuple[str, dict[str, Any]], ...] = (
    ("search", {"tools": [{"googleSearch": {}}]}),
    ("search beside functions", {"tools": [{"functionDeclarations": [], "googleSearch": {}}]}),
    ("search in the other spelling", {"tools": [{"google_search": {}}]}),
    ("remote pages", {"tools": [{"urlContext": {}}]}),
    ("code execution", {"tools": [{"codeExecution": {}}]}),
    ("a computer", {"tools": [{"computerUse": {"environment": "ENVIRONMENT_BROWSER"}}]}),
    ("file search", {"tools": [{"fileSearch": {"fileSearchStoreNames": [CANARY]}}]}),
    ("stored content", {"cachedContent": f"cachedContents/{CANARY}"}),
    ("a remote file", _gemini_part(fileData={"fileUri": REMOTE, "mimeType": "image/png"})),
    ("a remote file in the other spelling", _gemini_part(file_data={"file_uri": REMOTE})),
    ("sound as input", _gemini_part(inlineData={"mimeType": "audio/wav", "data": PIXEL})),
    ("a document", _gemini_part(inlineData={"mimeType": "application/pdf", "data": PIXEL})),
    ("two answers", {"generationConfig": {"candidateCount": 2}}),
    ("logprobs", {"generationConfig": {"responseLogprobs": True, "logprobs": 20}}),
    ("sound as output", {"generationConfig": {"responseModalities": ["AUDIO"]}}),
    ("a voice", {"generationConfig": {"speechConfig": {}}}),
    ("limits in the other spelling", {"generation_config": {"candidate_count": 8}}),
)
_BY_WIRE: dict[WireName, tuple[tuple[str, dict[str, Any]], ...]] = {
    "chat": CHAT,
    "responses": RESPONSES,
    "messages": MESSAGES,
    "gemini": GEMINI,
}
REFUSED: tuple[Row, ...] = tuple((f"{w}: {name}", w, change) for w, rows in _BY_WIRE.items() for name, change in rows)
REMOVED: tuple[Row, ...] = (
    ("chat: another model", "chat", {"model": CANARY}),
    ("chat: a user", "chat", {"user": CANARY}),
    ("chat: a key of a shared cache", "chat", {"prompt_cache_key": CANARY}),
    ("chat: headers of some SDK", "chat", {"extra_headers": {"x-to": CANARY}}),
    ("chat: another server", "chat", {"base_url": REMOTE, "api_base": REMOTE}),
    ("chat: a field from tomorrow", "chat", {"portal": REMOTE}),
    (
        "chat: attachments of a message",
        "chat",
        {"messages": [{"role": "user", "content": "x", "attachments": [CANARY]}]},
    ),
    ("chat: an address of a function", "chat", _function(server_url=REMOTE)),
    ("chat: a template of the server", "chat", {"chat_template": CANARY}),
    ("responses: another model", "responses", {"model": CANARY}),
    ("responses: metadata of a client", "responses", {"client_metadata": {"note": CANARY}}),
    ("responses: a number of hosted calls", "responses", {"max_tool_calls": 5, "safety_identifier": CANARY}),
    ("messages: a user", "messages", {"metadata": {"user_id": CANARY}}),
    ("messages: beta features", "messages", {"betas": [CANARY]}),
    ("messages: edits of the context", "messages", {"context_management": {"edits": [{"type": CANARY}]}}),
    ("gemini: labels", "gemini", {"labels": {"note": CANARY}}),
    ("gemini: a model in the body", "gemini", {"model": CANARY}),
)
USED: tuple[Row, ...] = (
    ("chat: an image inside", "chat", _chat_part(type="image_url", image_url={"url": IMAGE})),
    ("chat: one answer", "chat", {"n": 1, "store": False, "service_tier": "auto", "logprobs": False}),
    ("chat: an address in a text", "chat", {"messages": [{"role": "user", "content": f"Read {REMOTE}"}]}),
    ("chat: a local schema", "chat", _function(parameters={"$defs": {"a": {}}, "items": {"$ref": "#/$defs/a"}})),
    (
        "chat: a tool's call and its result",
        "chat",
        {
            "messages": [
                {"role": "user", "content": "x"},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "run", "arguments": "{}"}}],
                },
                {"role": "tool", "tool_call_id": "c", "content": "done"},
            ]
        },
    ),
    (
        "responses: thinking and a tool's output",
        "responses",
        {
            "input": [
                {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "gAAA"},
                {"type": "function_call", "call_id": "c", "name": "run", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "done"},
            ],
            "include": ["reasoning.encrypted_content"],
        },
    ),
    (
        "responses: a group of the agent's own tools",
        "responses",
        {"tools": [{"type": "namespace", "name": "x", "tools": [{"type": "function", "name": "y"}]}]},
    ),
    ("responses: an image inside", "responses", _input_part(type="input_image", image_url=IMAGE)),
    ("messages: an image inside", "messages", _source(type="base64", media_type="image/png", data=PIXEL)),
    (
        "messages: thinking, a tool's use and its result",
        "messages",
        {
            "messages": [
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "hm", "signature": "s"},
                        {"type": "tool_use", "id": "t", "name": "run", "input": {"command": "ls"}},
                    ],
                },
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "a.py"}]},
            ]
        },
    ),
    ("messages: the agent's own shell", "messages", {"tools": [{"type": "bash_20250124", "name": "bash"}]}),
    (
        "gemini: a function's call and its response",
        "gemini",
        {
            "contents": [
                {"role": "model", "parts": [{"functionCall": {"name": "run", "args": {"command": "ls"}}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "run", "response": {"output": "a.py"}}}]},
            ]
        },
    ),
    ("gemini: an image inside", "gemini", _gemini_part(inlineData={"mimeType": "image/png", "data": PIXEL})),
)
"""Controls: the honest forms beside the refused ones."""


def changed(wire: WireName, change: dict[str, Any]) -> dict[str, Any]:
    """Return an honest request with the change."""
    return {**honest_body(wire), **change}
