"""A double of OpenAI's chat completions, as OpenAI and many other servers send them."""

import json
from typing import Any

from agents.employees.contract import ToolCall
from agents.employees.conversation import Model
from agents.employees.providers.openai import OpenAIModel
from tests.loopback import Seen
from tests.wires.wire import USED, Sent, grouped, pieces, settings_of

SIGNATURE = "c2ln+/8="
_ENDS = {"stop": "stop", "length": "length", "blocked": "content_filter"}


class OpenAIWire:
    """Answers and requests of POST /v1/chat/completions."""

    name = "openai"
    provider = "openai"
    model_name = "gpt-4o"
    prices = "openai"
    host = "api.openai.com"
    accepts_extra = True

    def model(self, base_url: str, **settings: Any) -> Model:
        return OpenAIModel(**settings_of(versioned(base_url), self.model_name, settings))

    def body(
        self,
        text: str | None = None,
        *,
        calls: tuple[ToolCall, ...] = (),
        end: str | None = "stop",
        used: tuple[int, int, int] | None = USED,
        thinking: str = "",
    ) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        if thinking:
            message["reasoning_content"] = thinking
            message["reasoning_details"] = [{"type": "reasoning.encrypted", "data": SIGNATURE}]
        if calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
                }
                for call in calls
            ]
        reason = "tool_calls" if calls and end == "stop" else _ENDS.get(end or "", end)
        answer: dict[str, Any] = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": self.model_name,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
            "system_fingerprint": "fp_1",
        }
        if used is not None:
            asked, made, cached = used
            answer["usage"] = {
                "prompt_tokens": asked,
                "completion_tokens": made,
                "total_tokens": asked + made,
                "prompt_tokens_details": {"cached_tokens": cached},
            }
        return answer

    def stream(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        (choice,) = body["choices"]
        message = choice["message"]
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None}]
        for key in ("reasoning_content", "content"):
            deltas += [{key: piece} for piece in pieces(message.get(key) or "")]
        if "reasoning_details" in message:
            deltas.append({"reasoning_details": message["reasoning_details"]})
        for index, call in enumerate(message.get("tool_calls", [])):
            deltas.append({"tool_calls": [{**call, "index": index, "function": {**call["function"], "arguments": ""}}]})
            for piece in pieces(call["function"]["arguments"]):
                deltas.append({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
        head = {key: body[key] for key in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
        chunks = [head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
        end = head | {"choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]}
        return [*chunks, end, head | {"choices": [], "usage": body.get("usage")}]

    def error(self, status: int, message: str) -> dict[str, Any]:
        return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": status}}

    def usage(self, **counts: Any) -> dict[str, Any]:
        names = {"asked": "prompt_tokens", "made": "completion_tokens"}
        return self.body("text") | {"usage": {names[name]: value for name, value in counts.items()}}

    def own(self, body: dict[str, Any]) -> Any:
        message = dict(body["choices"][0]["message"])
        del message["refusal"]
        return message

    def returned(self, seen: Seen) -> Any:
        return seen.body["messages"][2]

    def sent(self, seen: Seen) -> Sent:
        body = seen.body
        assert seen.path == "/v1/chat/completions"
        system = [message["content"] for message in body["messages"] if message["role"] == "system"]
        spoken = [message for message in body["messages"] if message["role"] != "system"]
        return Sent(
            system="".join(system),
            turns=grouped((message["role"], part) for message in spoken for part in _plain(message)),
            tools=[tool["function"]["name"] for tool in body.get("tools", [])],
            output_tokens_max=body.get("max_completion_tokens", body.get("max_tokens")),
            key=seen.headers["authorization"].removeprefix("Bearer "),
        )


def _plain(message: dict[str, Any]) -> list[Any]:
    """Return the parts of a message in words that fit every vendor."""
    if message["role"] == "tool":
        return [("result", message["tool_call_id"], message["content"])]
    texts = [] if message["content"] is None else [message["content"]]
    calls = [call["function"] for call in message.get("tool_calls", [])]
    return [*texts, *(("call", call["name"], json.loads(call["arguments"])) for call in calls)]


def versioned(base_url: str) -> str:
    """Return the address with the version of the API, which OpenAI's SDK does not add."""
    return base_url if base_url.endswith("/v1") else f"{base_url}/v1"
