"""A model behind OpenAI's chat completions: OpenAI itself, Ollama's /v1, vLLM, LM Studio, llama.cpp and others."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from agents.employees.adaptations import adaptation_for, adapted
from agents.employees.chat_completion import OWN_CONTENT, reply_of
from agents.employees.conversation import CallRequest, Message
from agents.employees.pricing import provider_of
from agents.employees.providers.failures import Refusal
from agents.employees.providers.openai_server import OpenAIServer
from agents.employees.providers.turns import callable_calls, declared, filled, names_of_calls, own_content, written
from agents.employees.reply import Reply
from agents.employees.safe_text import safe, safe_json

SEED_MASK = 0x7FFF_FFFF  # some servers accept at most 31 bits
_NEWER_LIMIT_PROVIDER = "openai"  # its reasoning models accept only max_completion_tokens


class OpenAIModel(OpenAIServer):
    """One model behind chat completions.

    Servers of this API differ most, so the adaptations change the body of the request (agents/employees/adaptations).
    """

    accepts_extra = True
    parts = frozenset({"seed", "temperature", "stop"})
    path = "/chat/completions"

    def _params(self, request: CallRequest) -> dict[str, Any]:
        params: dict[str, Any] = {
            "model": self.model,
            "messages": messages_of(request.messages),
            self._limit_name(): request.output_tokens_max,
        }
        if request.tools:
            params["tools"] = [{"type": "function", "function": declared(tool, "parameters")} for tool in request.tools]
        if request.seed is not None:
            params["seed"] = request.seed & SEED_MASK
        if request.temperature is not None:
            params["temperature"] = request.temperature
        if request.stop:
            params["stop"] = list(request.stop)
        if request.extra:
            params["extra_body"] = safe_json(request.extra)
        return params

    def _formed(self, request: CallRequest, made: Sequence[str]) -> tuple[CallRequest, dict[str, Any]]:
        return request, adapted(self._params(request), made)

    def _other_form(
        self, refusal: Refusal, sent: CallRequest, params: dict[str, Any], made: Sequence[str]
    ) -> str | None:
        del sent
        return adaptation_for(refusal.status, refusal.body, params, made)

    def _body(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters with the extra ones beside the others, as the server expects them."""
        extra: dict[str, Any] = params.get("extra_body", {})
        return {name: value for name, value in params.items() if name != "extra_body"} | extra

    def _reply(self, body: bytes) -> Reply:
        return reply_of(body)

    def _limit_name(self) -> str:
        return "max_completion_tokens" if provider_of(self.base_url) == _NEWER_LIMIT_PROVIDER else "max_tokens"


def messages_of(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return the messages in the form of the API. The result of a call that cannot be sent back is sent as a user's
    text.
    """
    named = names_of_calls(messages)
    return [_message(message, named) for message in messages]


def _message(message: Message, named: Mapping[str, str]) -> dict[str, Any]:
    if message.role == "tool":
        if message.call_id in named:
            return {"role": "tool", "tool_call_id": message.call_id, "content": safe(message.text)}
        return {"role": "user", "content": filled(message.text)}
    if message.role != "assistant":
        return {"role": message.role, "content": filled(message.text)}
    own = own_content(message, OWN_CONTENT)
    if own is not None and isinstance(own[0], dict):
        return dict(own[0])
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": msgspec.json.encode(safe_json(call.arguments)).decode()},
        }
        for call in callable_calls(message)
    ]
    text = safe(written(message))
    if calls:
        return {"role": "assistant", "content": text or None, "tool_calls": calls}
    return {"role": "assistant", "content": filled(text)}
