"""A double of Anthropic's messages API."""

from typing import Any

from agents.employees.contract import ToolCall
from agents.employees.conversation import Model
from agents.employees.providers.anthropic import AnthropicModel
from tests.loopback import Seen
from tests.wires.wire import USED, Sent, settings_of

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
    model_name = "claude-3-5-haiku-20241022"
    prices = "anthropic"

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

    def error(self, status: int, message: str) -> dict[str, Any]:
        kind = _KINDS.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}

    def usage(self, **counts: Any) -> dict[str, Any]:
        names = {"asked": "input_tokens", "made": "output_tokens"}
        return self.body("text") | {"usage": {names[name]: value for name, value in counts.items()}}

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


def _plain(block: dict[str, Any]) -> Any:
    """Return a block in words that fit every vendor. A block of an unknown kind stays as it is."""
    if set(block) - {"cache_control"} == {"type", "text"}:
        return block["text"]
    if set(block) == {"type", "id", "name", "input"}:
        return ("call", block["name"], block["input"])
    if block["type"] == "tool_result":
        return ("result", block["tool_use_id"], block.get("content", ""))
    return block
