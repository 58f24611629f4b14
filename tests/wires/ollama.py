"""A double of Ollama's own protocol."""

from typing import Any

from agents.employees.contract import ToolCall
from agents.employees.conversation import Model
from agents.employees.providers.ollama import OllamaModel
from tests.loopback import Seen
from tests.wires.wire import USED, Sent, grouped, pieces, settings_of

SIGNATURE = "c2ln+/8="
"""Ollama signs no thinking. This is a part of the thinking, with characters that another encoding would change."""
_ENDS = {"stop": "stop", "length": "length", "blocked": "content_filter"}
"""The server itself ends with stop, length, load and unload. A server that it passes the call to may block it."""


class OllamaWire:
    """Answers and requests of POST /api/chat."""

    name = "ollama"
    provider = "ollama"
    model_name = "llama-3.1-8b-instant"
    prices = "groq"  # Ollama has no prices: these are of a vendor that has a model of this name
    host = ""
    accepts_extra = False

    def model(self, base_url: str, **settings: Any) -> Model:
        return OllamaModel(**settings_of(base_url, self.model_name, {"price": "genai-prices", **settings}))

    def body(
        self,
        text: str | None = None,
        *,
        calls: tuple[ToolCall, ...] = (),
        end: str | None = "stop",
        used: tuple[int, int, int] | None = USED,
        thinking: str = "",
    ) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": text or ""}
        if thinking:
            message["thinking"] = f"{thinking} {SIGNATURE}"
        if calls:
            message["tool_calls"] = [
                {"id": call.id, "function": {"index": at, "name": call.name, "arguments": call.arguments}}
                for at, call in enumerate(calls)
            ]
        answer = self._head() | {"message": message, "done": True}
        if end is not None:
            answer["done_reason"] = _ENDS.get(end, end)
        answer |= {"total_duration": 2_100_000_000, "load_duration": 900_000_000}
        if used is not None:
            asked, made, _ = used
            answer |= {"prompt_eval_count": asked, "prompt_eval_duration": 90_000_000}
            answer |= {"eval_count": made, "eval_duration": 1_000_000_000}
        return answer

    def stream(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        message = body["message"]
        parts: list[dict[str, Any]] = [
            {key: piece} for key in ("thinking", "content") for piece in pieces(message.get(key) or "")
        ]
        parts += [{"tool_calls": [call]} for call in message.get("tool_calls", [])]
        lines = [
            self._head() | {"message": {"role": "assistant", "content": "", **part}, "done": False} for part in parts
        ]
        return [*lines, body | {"message": {"role": "assistant", "content": ""}}]

    def error(self, status: int, message: str) -> dict[str, Any]:
        """Return an error as the server passes on one of a cloud model. Its own errors have only a text."""
        return {"StatusCode": status, "Status": f"{status} Said", "error": message}

    def usage(self, **counts: Any) -> dict[str, Any]:
        names = {"asked": "prompt_eval_count", "made": "eval_count"}
        return self.body("text", used=None) | {names[name]: value for name, value in counts.items()}

    def own(self, body: dict[str, Any]) -> Any:
        return body["message"]

    def returned(self, seen: Seen) -> Any:
        return seen.body["messages"][2]

    def sent(self, seen: Seen) -> Sent:
        body = seen.body
        assert seen.path == "/api/chat"
        assert (body["stream"], body["truncate"], body["shift"]) == (False, False, False)
        spoken = [message for message in body["messages"] if message["role"] != "system"]
        return Sent(
            system="".join(message["content"] for message in body["messages"] if message["role"] == "system"),
            turns=grouped((message["role"], part) for message in spoken for part in _plain(message)),
            tools=[tool["function"]["name"] for tool in body.get("tools", [])],
            output_tokens_max=body["options"]["num_predict"],
            key=seen.headers["authorization"].removeprefix("Bearer "),
        )

    def _head(self) -> dict[str, Any]:
        return {"model": self.model_name, "created_at": "2026-11-30T10:00:00.000000001Z"}


def _plain(message: dict[str, Any]) -> list[Any]:
    """Return the parts of a message in words that fit every vendor."""
    if message["role"] == "tool":
        assert message["tool_name"]
        return [("result", message.get("tool_call_id", message["tool_name"]), message["content"])]
    texts = [message["content"]] if message["content"] else []
    calls = [call["function"] for call in message.get("tool_calls", [])]
    return [*texts, *(("call", call["name"], call["arguments"]) for call in calls)]


def tags(*models: tuple[str, str], **more: Any) -> dict[str, Any]:
    """Return an answer to GET /api/tags: names and digests."""
    details = {"format": "gguf", "family": "llama", "parameter_size": "134.52M", "quantization_level": "Q4_1"}
    return {
        "models": [
            {"name": name, "model": name, "digest": digest, "size": 98_362_432, "details": details, **more}
            for name, digest in models
        ]
    }


def shown(*able: str, context_tokens: int = 8192, parameters: int = 7_000_000_000) -> dict[str, Any]:
    """Return an answer to POST /api/show."""
    info = {"general.architecture": "llama", "general.parameter_count": parameters}
    info["llama.context_length"] = context_tokens
    return {"capabilities": ["completion", *able], "model_info": info, "details": {"family": "llama"}}
