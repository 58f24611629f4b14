"""A double of Anthropic's messages API."""

import json
from typing import Any

from agents.employees.contract import ToolCall
from agents.employees.conversation import Model
from agents.employees.providers.anthropic import AnthropicModel
from tests.loopback import Seen
from tests.wires.wire import USED, Sent, pieces, settings_of

_ENDS = {"stop": "end_turn", "length": "max_tokens", "blocked": "refusal"}
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class AnthropicWire:
    """Answers and requests of POST /v1/messages."""

    name = "anthropic"
    provider = "anthropic"
    model_name = "claude-3-5-haiku-20241022"
    prices = "anthropic"
    host = "api.anthropic.com"
    accepts_extra = False

    def model(self, base_url: str, **settings: Any) -> Model:
        return AnthropicModel(**settings_of(base_url, self.model_name, settings))

    def body(
        self,
        text: str | None = None,
        *,
        calls: tuple[ToolCall, ...] = (),
        end: str | None = "stop",
        used: tuple[int, int, int] | None = USED,
        thinking: str = "",
    ) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        if thinking:
            content.append({"type": "thinking", "thinking": thinking, "signature": "c2ln+/8="})
        if text is not None:
            content.append({"type": "text", "text": text})
        content += [
            {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments or {}} for call in calls
        ]
        answer: dict[str, Any] = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": self.model_name,
            "content": content,
            "stop_reason": "tool_use" if calls and end == "stop" else _ENDS.get(end or "", end),
            "stop_sequence": None,
        }
        if used is not None:
            asked, made, cached = used
            answer["usage"] = {
                "input_tokens": asked - cached,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": cached,
                "output_tokens": made,
            }
        return answer

    def stream(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        head = body | {"content": [], "stop_reason": None, "usage": body["usage"] | {"output_tokens": 1}}
        objects: list[dict[str, Any]] = [{"type": "message_start", "message": head}, {"type": "ping"}]
        for index, block in enumerate(body["content"]):
            objects += _streamed(index, block)
        end = {"stop_reason": body["stop_reason"], "stop_sequence": None}
        usage = {"output_tokens": body["usage"]["output_tokens"]}
        return [*objects, {"type": "message_delta", "delta": end, "usage": usage}, {"type": "message_stop"}]

    def error(self, status: int, message: str) -> dict[str, Any]:
        kind = _KINDS.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}

    def usage(self, **counts: Any) -> dict[str, Any]:
        names = {"asked": "input_tokens", "made": "output_tokens"}
        return self.body("text") | {"usage": {names[name]: value for name, value in counts.items()}}

    def own(self, body: dict[str, Any]) -> Any:
        return body["content"]

    def returned(self, seen: Seen) -> Any:
        return seen.body["messages"][1]["content"]

    def sent(self, seen: Seen) -> Sent:
        body = seen.body
        assert seen.path == "/v1/messages"
        assert "anthropic-version" in seen.headers
        return Sent(
            system="".join(block["text"] for block in body.get("system", [])),
            turns=[(message["role"], [_plain(block) for block in message["content"]]) for message in body["messages"]],
            tools=[tool["name"] for tool in body.get("tools", [])],
            output_tokens_max=body["max_tokens"],
            key=seen.headers["authorization"].removeprefix("Bearer "),
        )


_DELTAS = {"text": "text_delta", "thinking": "thinking_delta", "signature": "signature_delta"}


def _streamed(index: int, block: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events of one block of content."""
    texts = {key: value for key, value in block.items() if key in _DELTAS}
    start = block | dict.fromkeys(texts, "") | ({"input": {}} if "input" in block else {})
    deltas = [{"type": _DELTAS[key], key: piece} for key, text in texts.items() for piece in pieces(text)]
    if "input" in block:
        deltas += [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(json.dumps(block["input"]))]
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def _plain(block: dict[str, Any]) -> Any:
    """Return a block in words that fit every vendor. A block of an unknown kind stays as it is."""
    if set(block) - {"cache_control"} == {"type", "text"}:
        return block["text"]
    if set(block) == {"type", "id", "name", "input"}:
        return ("call", block["name"], block["input"])
    if block["type"] == "tool_result":
        return ("result", block["tool_use_id"], block.get("content", ""))
    return block
