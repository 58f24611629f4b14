"""Answers that the gateway gives itself: the list of models (only the hired one), and counts of tokens."""

import json
from typing import Any

from agents.employees.usage import tokens_of
from agents.gateway.refusals import GatewayRefusal
from agents.gateway.routes import Matched

CREATED_AT = "2024-01-01T00:00:00Z"  # the formats need a date; no agent uses it
CREATED_S = 1_704_067_200


def local_answer(matched: Matched, body: bytes, model: str) -> bytes:
    """Return the body of a local answer. `model`: the hired model.

    :raises GatewayRefusal: for a model that is not the hired one.
    """
    route = matched.route
    if route.action == "count":
        tokens = tokens_of(len(body))
        return _json({"totalTokens": tokens} if route.wire == "gemini" else {"input_tokens": tokens})
    if route.action == "model" and matched.model.removeprefix("models/") != model:
        raise GatewayRefusal(404, "unknown_model", f"The only model of this gateway is {model}.")
    if route.wire == "gemini":
        listed = _gemini_model(model)
        return _json(listed if route.action == "model" else {"models": [listed]})
    listed = _model(model)
    if route.action == "model":
        return _json(listed)
    return _json({"object": "list", "data": [listed], "has_more": False, "first_id": model, "last_id": model})


def _model(model: str) -> dict[str, Any]:
    """Return a model with the fields of OpenAI's and of Anthropic's list, which have the same path."""
    openai = {"id": model, "object": "model", "created": CREATED_S, "owned_by": "aura"}
    return openai | {"type": "model", "display_name": model, "created_at": CREATED_AT}


def _gemini_model(model: str) -> dict[str, Any]:
    methods = ["generateContent", "countTokens"]
    return {"name": f"models/{model}", "displayName": model, "supportedGenerationMethods": methods}


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()
