"""A double of OpenAI's responses API."""

import json
from typing import Any

from agents.employees.contract import ToolCall
from agents.employees.conversation import Model
from agents.employees.providers.openai_responses import OpenAIResponsesModel
from tests.loopback import Seen
from tests.wires.openai import SIGNATURE, OpenAIWire, versioned
from tests.wires.wire import USED, Sent, grouped, pieces, settings_of

_REASONS = {"length": "max_output_tokens", "blocked": "content_filter"}


class OpenAIResponsesWire:
    """Answers and requests of POST /v1/responses."""

    name = "openai responses"
    provider = "openai"
    model_name = "gpt-4o"
    prices = "openai"
    host = "api.openai.com"
    accepts_extra = False

    def model(self, base_url: str, **settings: Any) -> Model:
        return OpenAIResponsesModel(**settings_of(versioned(base_url), self.model_name, settings))

    def body(
        self,
        text: str | None = None,
        *,
        calls: tuple[ToolCall, ...] = (),
        end: str | None = "stop",
        used: tuple[int, int, int] | None = USED,
        thinking: str = "",
    ) -> dict[str, Any]:
        output: list[dict[str, Any]] = []
        if thinking:
            summary = [{"type": "summary_text", "text": thinking}]
            output.append({"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": SIGNATURE})
        if text is not None:
            part = {"type": "output_text", "text": text, "annotations": []}
            output.append({"type": "message", "id": "msg_1", "role": "assistant", "content": [part]})
        output += [
            {
                "type": "function_call",
                "id": f"fc_{call.id}",
                "call_id": call.id,
                "name": call.name,
                "arguments": json.dumps(call.arguments),
            }
            for call in calls
        ]
        reason = _REASONS.get(end or "", end)
        answer: dict[str, Any] = {
            "id": "resp_1",
            "object": "response",
            "model": self.model_name,
            "status": "completed" if end == "stop" else "incomplete",
            "error": None,
            "incomplete_details": None if end == "stop" else {"reason": reason},
            "output": output,
        }
        if used is not None:
            asked, made, cached = used
            answer["usage"] = {
                "input_tokens": asked,
                "input_tokens_details": {"cached_tokens": cached},
                "output_tokens": made,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": asked + made,
            }
        return answer

    def stream(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        begun = body | {"status": "in_progress", "output": []}
        texts = [item["content"][0]["text"] for item in body["output"] if item["type"] == "message"]
        kind = f"response.{body['status']}"
        return [
            {"type": "response.created", "response": begun},
            {"type": "response.in_progress", "response": begun},
            *({"type": "response.output_text.delta", "delta": piece} for text in texts for piece in pieces(text)),
            {"type": kind, "response": body},
        ]

    def error(self, status: int, message: str) -> dict[str, Any]:
        return OpenAIWire().error(status, message)

    def usage(self, **counts: Any) -> dict[str, Any]:
        names = {"asked": "input_tokens", "made": "output_tokens"}
        return self.body("text") | {"usage": {names[name]: value for name, value in counts.items()}}

    def own(self, body: dict[str, Any]) -> Any:
        return body["output"]

    def returned(self, seen: Seen) -> Any:
        return seen.body["input"][1:-1]

    def sent(self, seen: Seen) -> Sent:
        body = seen.body
        assert seen.path == "/v1/responses"
        assert body["store"] is False
        return Sent(
            system=body.get("instructions", ""),
            turns=grouped(_plain(item) for item in body["input"]),
            tools=[tool["name"] for tool in body.get("tools", [])],
            output_tokens_max=body["max_output_tokens"],
            key=seen.headers["authorization"].removeprefix("Bearer "),
        )


def _plain(item: dict[str, Any]) -> tuple[str, Any]:
    """Return an item as its role and a part, in words that fit every vendor."""
    if item.get("type") == "function_call":
        return "assistant", ("call", item["name"], json.loads(item["arguments"]))
    if item.get("type") == "function_call_output":
        return "user", ("result", item["call_id"], item["output"])
    if item.get("type") == "reasoning":
        return "assistant", item
    return item["role"], item["content"]
