"""Doubles of servers that list models: the answers of each kind to questions that cost nothing."""

from collections.abc import Mapping
from typing import Any

from tests.loopback import Reply, Seen
from tests.wires.ollama import shown, tags
from tests.wires.wire import sends

DIGEST = "b3e02d1ff79d" + "0" * 52


def serving(answers: Mapping[str, Any]) -> Reply:
    """Return a double with these answers, path -> JSON, and 404 for all other paths."""

    async def reply(writer: Any, seen: Seen) -> None:
        body = answers.get(seen.path)
        await (sends(404, b"404 page not found") if body is None else sends(200, body))(writer, seen)

    return reply


def listed(*models: Mapping[str, Any]) -> dict[str, Any]:
    """Return OpenAI's form of a list of models."""
    return {"object": "list", "data": [{"object": "model", "created": 1, **model} for model in models]}


OLLAMA = {
    "/api/version": {"version": "0.17.4"},
    "/api/tags": tags(("qwen2.5-coder:7b", DIGEST)),
    "/api/show": shown("tools", context_tokens=32768),
    "/v1/models": listed({"id": "qwen2.5-coder:7b", "owned_by": "library"}),
}
LLAMA_CPP = {
    "/props": {"default_generation_settings": {"n_ctx": 2048}, "total_slots": 2, "build_info": "b6000-abc"},
    "/v1/models": listed({"id": "SmolLM2-135M", "owned_by": "llamacpp", "meta": {"n_ctx_train": 8192}}),
    "/api/tags": {"models": [{"name": "SmolLM2-135M", "digest": ""}], **listed({"id": "SmolLM2-135M"})},
}
LM_STUDIO = {
    "/api/v0/models": listed(
        {
            "id": "qwen2.5-7b-instruct",
            "type": "llm",
            "state": "loaded",
            "max_context_length": 32768,
            "loaded_context_length": 4096,
            "capabilities": ["tool_use"],
        },
        {"id": "nomic-embed", "type": "embeddings", "state": "not-loaded", "max_context_length": 2048},
    ),
    "/v1/models": listed({"id": "qwen2.5-7b-instruct"}, {"id": "nomic-embed"}),
}
VLLM = {
    "/version": {"version": "0.11.0"},
    "/v1/models": listed({"id": "Qwen/Qwen3-8B", "owned_by": "vllm", "max_model_len": 40960}),
}
OTHER = {"/v1/models": listed({"id": "our-model", "owned_by": "us", "context_length": 131072})}
