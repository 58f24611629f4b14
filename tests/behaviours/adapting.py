"""Servers that refuse one form of a request and accept another form."""

from typing import Any

from tests.behaviours.model import (
    GOOD,
    NOTHING,
    Behaviour,
    Body,
    InTurn,
    Rule,
    deltas,
    error,
    events,
    picky,
    sends,
)
from tests.loopback import honest


def has(*names: str) -> Rule:
    return lambda body: any(name in body for name in names)


def above(name: str, most: int) -> Rule:
    return lambda body: body.get(name, 0) > most


def has_system(body: Body) -> bool:
    return any(each["role"] == "system" for each in body["messages"])


def not_streamed(body: Body) -> bool:
    return not body.get("stream")


def forbidden_extra(name: str) -> dict[str, Any]:
    """Return FastAPI's refusal of a field."""
    return {"detail": [{"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted"}]}


def named(message: str, name: str, code: str = "unsupported_parameter") -> dict[str, Any]:
    """Return OpenAI's refusal of a parameter."""
    return {"error": {"message": message, "type": "invalid_request_error", "param": name, "code": code}}


STREAM = sends(200, events(*deltas(*GOOD.splitlines(keepends=True))), content_type="text/event-stream")
SEED = "Unsupported parameter: 'seed' is not supported with this model."
LIMIT = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
WARM = {"temperature": 0.8}
BEHAVIOURS = (
    Behaviour("seed by OpenAI", picky(has("seed"), sends(400, named(SEED, "seed"))), requests=2, adapted=("no_seed",)),
    Behaviour(
        "seed by FastAPI", picky(has("seed"), sends(422, forbidden_extra("seed"))), requests=2, adapted=("no_seed",)
    ),
    Behaviour(
        "seed by Mistral",
        picky(has("seed"), sends(422, {"object": "error", "message": forbidden_extra("seed")})),
        requests=2,
        adapted=("no_seed",),
    ),
    Behaviour(
        "seed by Go", picky(has("seed"), error(400, 'json: unknown field "seed"')), requests=2, adapted=("no_seed",)
    ),
    Behaviour(
        "seed by Python, as an error of its own",
        picky(has("seed"), error(500, "TypeError: generate() got an unexpected keyword argument 'seed'")),
        requests=2,
        adapted=("no_seed",),
    ),
    Behaviour(
        "seed by plain text",
        picky(has("seed"), sends(400, b"property 'seed' is unsupported", content_type="text/plain")),
        requests=2,
        adapted=("no_seed",),
    ),
    Behaviour(
        "temperature that must be the default",
        picky(
            has("temperature"),
            error(400, "Unsupported value: 'temperature' does not support 0.8 with this model. Only the default (1)."),
        ),
        requests=2,
        adapted=("no_temperature",),
        settings=WARM,
    ),
    Behaviour(
        "temperature that is deprecated",
        picky(has("temperature"), error(400, "`temperature` is deprecated for this model.")),
        requests=2,
        adapted=("no_temperature",),
        settings=WARM,
    ),
    Behaviour(
        "the older name of the limit",
        picky(has("max_tokens"), sends(400, named(LIMIT, "max_tokens"))),
        requests=2,
        adapted=("max_completion_tokens",),
    ),
    Behaviour(
        "a limit above the model's",
        picky(
            above("max_tokens", 32),
            error(400, "max_tokens is too large: 64. This model supports at most 32 completion tokens."),
        ),
        requests=2,
        adapted=("output_tokens_max=32",),
    ),
    Behaviour(
        "a limit out of the model's range",
        picky(above("max_tokens", 32), error(400, "Range of max_tokens should be [1, 32]")),
        requests=2,
        adapted=("output_tokens_max=32",),
    ),
    Behaviour(
        "the system's role, by a template",
        picky(has_system, error(500, "Jinja Exception: System role not supported")),
        requests=2,
        adapted=("no_system",),
    ),
    Behaviour(
        "the system's role, by Google, as a list",
        picky(
            has_system,
            sends(
                400, [{"error": {"code": 400, "message": "Developer instruction is not enabled for models/gemma-3"}}]
            ),
        ),
        requests=2,
        adapted=("no_system",),
    ),
    Behaviour(
        "the system's role, by an alternation",
        picky(has_system, error(400, "Conversation roles must alternate user/assistant/user/assistant/...")),
        requests=2,
        adapted=("no_system",),
    ),
    Behaviour(
        "stop",
        picky(has("stop"), error(400, "Unsupported parameter: 'stop' is not supported with this model.")),
        requests=2,
        adapted=("no_stop",),
        settings={"stop": ("\n```\n",)},
    ),
    Behaviour(
        "grammar",
        picky(has("grammar"), error(400, "Unrecognized request argument supplied: grammar")),
        requests=2,
        adapted=("no_extras",),
        settings={"style": "grammar"},
    ),
    Behaviour(
        "a stream only, by DashScope",
        picky(
            not_streamed,
            error(400, "This model only support stream mode, please enable the stream parameter to access the model."),
            STREAM,
        ),
        requests=2,
        adapted=("stream",),
    ),
    Behaviour(
        "a stream only, in short",
        picky(not_streamed, error(400, "Stream must be set to true"), STREAM),
        requests=2,
        adapted=("stream",),
    ),
    Behaviour(
        "a stream only, for thinking",
        picky(
            not_streamed,
            error(400, "parameter.enable_thinking must be set to false for non-streaming calls"),
            STREAM,
        ),
        requests=2,
        adapted=("stream",),
    ),
    Behaviour(
        "a stream only, without its options",
        picky(
            not_streamed,
            error(400, "only streaming is supported: use stream"),
            picky(has("stream_options"), error(400, "unknown field: stream_options"), STREAM),
        ),
        requests=3,
        adapted=("stream", "no_stream_options"),
    ),
    Behaviour(
        "several things, one after the other",
        picky(
            has("seed"),
            sends(400, named(SEED, "seed")),
            picky(
                has("temperature"),
                error(422, "temperature: extra fields not permitted"),
                picky(has_system, error(400, "system messages are not supported")),
            ),
        ),
        requests=4,
        adapted=("no_seed", "no_temperature", "no_system"),
        settings=WARM,
    ),
    Behaviour(
        "everything, for ever",
        sends(400, named(SEED, "seed")),
        "bad_request",
        NOTHING,
        says=("answered 400", "'seed' is not supported"),
        requests=2,
    ),
    Behaviour(
        "ever other things",
        InTurn(
            *(error(400, f"{name} is not supported") for name in ("seed", "temperature", "the system role", "stop")),
            error(400, "grammar is not supported"),
        ),
        "bad_request",
        NOTHING,
        says=("answered 400",),
        requests=5,
        settings={"temperature": 0.8, "stop": ("x",), "style": "grammar"},
    ),
    Behaviour(
        "what the record knows already",
        picky(has("seed"), sends(400, named(SEED, "seed"))),
        requests=1,
        known=("no_seed",),
    ),
    Behaviour("what a newer release has recorded", honest(GOOD), known=("no_such_adaptation",)),
)
