"""Cases of one vendor alone."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.loopback import Reply
from tests.wires.cases import GOOD, NOTHING, READ, Case, called, topped
from tests.wires.ollama_cases import OLLAMA
from tests.wires.openai_cases import CHAT, RESPONSES
from tests.wires.wire import Wire, sends


def block(*blocks: Any) -> Callable[[Wire], Reply]:
    """Return a server with a good answer that has these blocks of content."""
    return topped(content=list(blocks))


def tool(**fields: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": "toolu_1", "name": "read_file", "input": {"path": "a.py"}} | fields


def used(**counts: Any) -> Callable[[Wire], Reply]:
    return topped(usage=counts)


TEXT = {"type": "text", "text": GOOD}
ANTHROPIC = (
    Case(
        "all kinds of input",
        used(input_tokens=22, cache_read_input_tokens=8, cache_creation_input_tokens=0, output_tokens=12),
        charge=(30, 12, 8),
    ),
    Case("no counts of the cache", used(input_tokens=40, output_tokens=12), charge=(40, 12, 0)),
    Case(
        "null counts of the cache",
        used(input_tokens=40, output_tokens=12, cache_read_input_tokens=None),
        charge=(40, 12, 0),
    ),
    Case("a full context", topped(stop_reason="model_context_window_exceeded"), finish="length"),
    Case("a stop sequence", topped(stop_reason="stop_sequence", stop_sequence="END")),
    Case("a pause", topped(stop_reason="pause_turn"), finish="other"),
    Case(
        "a refusal and its reason",
        topped(stop_reason="refusal", content=[], stop_details={"category": "cyber"}),
        "blocked",
    ),
    Case("input that is a list", block(tool(input=[1])), text=None, finish="stop", calls=(("read_file", None),)),
    Case("input that is a text", block(tool(input="{")), text=None, calls=(("read_file", None),)),
    Case("no input", block({"type": "tool_use", "id": "t", "name": "run"}), text=None, calls=(("run", None),)),
    Case("no id and no name", block({"type": "tool_use", "input": {}}), text=None, calls=(("", {}),)),
    Case("blocks of a new kind", block({"type": "brand_new", "x": 1}, TEXT)),
    Case("two texts", block({"type": "text", "text": GOOD[:9]}, {"type": "text", "text": GOOD[9:]})),
    Case("a text that is none", block({"type": "text", "text": 5}), "empty"),
    Case("more calls than anybody needs", block(*[tool(id=f"t{at}") for at in range(129)]), "too_large"),
    Case("content that is a text", topped(content=GOOD), "malformed_response", "bound"),
    Case("content of numbers", topped(content=[1]), "malformed_response", "bound"),
    Case("overloaded with 200", lambda wire: sends(200, wire.error(529, "Overloaded")), "overloaded", NOTHING),
    Case("an unknown model", lambda wire: sends(404, wire.error(404, "model: claude-nope")), "unknown_model", NOTHING),
    Case(
        "a limit of a minute",
        lambda wire: sends(
            429,
            wire.error(
                429,
                "This request would exceed your organization's rate limit of 50,000 input tokens per minute. Please "
                "reduce the prompt length or the maximum tokens requested, or try again later.",
            ),
        ),
        "rate_limit",
        NOTHING,
    ),
    Case(
        "no room for the answer",
        lambda wire: sends(
            400, wire.error(400, "input length and `max_tokens` exceed context limit: 199000 + 20000 > 200000")
        ),
        "context_overflow",
        NOTHING,
    ),
    Case(
        "a limit that is reset",
        lambda wire: sends(
            429,
            wire.error(429, "slow down"),
            anthropic_ratelimit_requests_remaining="0",
            anthropic_ratelimit_requests_reset="9s",
        ),
        "rate_limit",
        NOTHING,
        wait_s=9,
    ),
)


def candidate(**fields: Any) -> Callable[[Wire], Reply]:
    """Return a server with one candidate that has these fields."""
    return topped(
        candidates=[{"content": {"role": "model", "parts": [{"text": GOOD}]}, "finishReason": "STOP"} | fields]
    )


def parts(*all: Any) -> Callable[[Wire], Reply]:
    return candidate(content={"role": "model", "parts": list(all)})


def counts(**of: Any) -> Callable[[Wire], Reply]:
    return topped(usageMetadata=of)


def blocked(**feedback: Any) -> Callable[[Wire], Reply]:
    """Return a server that blocks the prompt."""

    def reply(wire: Wire) -> Reply:
        body = wire.body(GOOD)
        del body["candidates"]
        return sends(200, body | {"promptFeedback": feedback})

    return reply


QUOTA: Mapping[str, Any] = {
    "error": {
        "code": 429,
        "message": "You exceeded your current quota, please check your plan and billing details.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "21s"}],
    }
}
GEMINI = (
    Case(
        "thoughts counted",
        counts(promptTokenCount=40, candidatesTokenCount=7, thoughtsTokenCount=5, totalTokenCount=52),
        charge=(40, 12, 0),
    ),
    Case("thoughts alone", counts(promptTokenCount=40, thoughtsTokenCount=12, totalTokenCount=52), charge=(40, 12, 0)),
    Case(
        "thoughts alone, cut",
        lambda wire: sends(
            200,
            wire.body(GOOD)
            | {
                "candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS"}],
                "usageMetadata": {"promptTokenCount": 40, "thoughtsTokenCount": 12},
            },
        ),
        "truncated",
        (40, 12, 0),
    ),
    Case("a blocked prompt", blocked(blockReason="PROHIBITED_CONTENT"), "blocked", says=("declined",)),
    Case(
        "a blocked prompt and an empty list",
        lambda wire: sends(200, wire.body(GOOD) | {"candidates": [], "promptFeedback": {"blockReason": "SAFETY"}}),
        "blocked",
    ),
    Case("no candidate and no reason", blocked(), "malformed_response", "bound", says=("no candidate",)),
    *(
        Case(f"blocked by {reason}", candidate(content=None, finishReason=reason), "blocked", says=(reason,))
        for reason in ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "IMAGE_SAFETY")
    ),
    Case("no content", candidate(content=None), "empty"),
    Case("content without parts", candidate(content={"role": "model"}), "empty"),
    Case(
        "a call that the server could not parse",
        candidate(
            content={}, finishReason="MALFORMED_FUNCTION_CALL", finishMessage="Malformed function call: print(run)"
        ),
        text=None,
        finish="tool",
        calls=(("", None),),
    ),
    Case(
        "a call to a tool that was not offered",
        candidate(content={}, finishReason="UNEXPECTED_TOOL_CALL"),
        text=None,
        finish="tool",
        calls=(("", None),),
    ),
    Case(
        "arguments that are a list",
        parts({"functionCall": {"name": "run", "args": [1]}}),
        text=None,
        finish="tool",
        calls=(("run", None),),
    ),
    Case(
        "a call without arguments",
        parts({"functionCall": {"name": "run"}}),
        text=None,
        finish="tool",
        calls=(("run", {}),),
    ),
    Case(
        "a call without an id",
        parts({"functionCall": {"name": "read_file", "args": READ.arguments}}),
        text=None,
        finish="tool",
        calls=called(READ),
    ),
    Case("parts of a new kind", parts({"brandNew": 1}, {"text": GOOD})),
    Case("parts that are texts", parts("x"), "malformed_response", "bound"),
    Case(
        "more candidates than one",
        lambda wire: sends(
            200, wire.body(GOOD) | {"candidates": [*wire.body(GOOD)["candidates"], *wire.body("other")["candidates"]]}
        ),
    ),
    Case("to be continued", candidate(finishReason="CONTINUATION", continuationToken="dG9rZW4="), finish="length"),
    Case("a quota with a wait", lambda _wire: sends(429, QUOTA), "rate_limit", NOTHING, wait_s=21),
    Case(
        "a quota without a wait",
        lambda wire: sends(429, wire.error(429, QUOTA["error"]["message"])),
        "payment",
        NOTHING,
    ),
    Case(
        "an unknown model",
        lambda wire: sends(
            404,
            wire.error(
                404, "models/gemini-2.9-x is not found for API version v1beta, or is not supported for generateContent."
            ),
        ),
        "unknown_model",
        NOTHING,
    ),
    Case(
        "too many tokens",
        lambda wire: sends(
            400,
            wire.error(400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."),
        ),
        "context_overflow",
        NOTHING,
    ),
    Case(
        "an error as a list",
        lambda wire: sends(400, [wire.error(400, "odd thing")]),
        "bad_request",
        NOTHING,
        says=("odd thing",),
    ),
)
OWN: Mapping[str, tuple[Case, ...]] = {
    "openai": CHAT,
    "openai responses": RESPONSES,
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
    "ollama": OLLAMA,
}
