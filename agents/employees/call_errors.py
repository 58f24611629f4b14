"""What goes wrong in a call to a model: one taxonomy for every provider, and the way from an HTTP failure to it."""

from typing import Literal

from agents.employees.contract import ModelResult
from domain.errors import AuraError

CallFailure = Literal[
    "auth",
    "not_found",
    "rate_limit",
    "overloaded",
    "timeout",
    "connection",
    "bad_request",
    "context_overflow",
    "blocked",
    "malformed_response",
    "truncated",
    "empty",
    "cancelled",
]
MESSAGE_CHARS_MAX = 300  # of a provider's own words; the rest is noise, and may echo the prompt
_HINTS: dict[CallFailure, str] = {
    "auth": "Check the API key of this employee (for OpenAI: OPENAI_API_KEY).",
    "not_found": "Check the employee's model name and base URL; `aura employees --probe` tests both.",
    "rate_limit": "Wait, or give the work to another employee.",
    "overloaded": "The server is in trouble: try again later or use another employee.",
    "timeout": "Raise the employee's wall_s, or use a faster model.",
    "connection": "Check that the model server runs and that its base URL is right.",
    "bad_request": "This server does not take the request as sent; try the style `chat`.",
    "context_overflow": "The task is too long for this model: split it, or use a model with a larger context.",
    "blocked": "The provider declined to answer: reword the task or use another employee.",
    "malformed_response": "The server did not answer as an OpenAI-compatible server does: check its base URL.",
    "truncated": "Raise output_tokens_max for this task.",
    "empty": "The model said nothing: try again or use another employee.",
    "cancelled": "The call was stopped from outside; the manager decides whether to order it again.",
}


class CallFailed(AuraError):
    """A call to a model ended without a usable answer. `failure` says why; tokens are those known as spent."""

    def __init__(
        self,
        failure: CallFailure,
        message: str,
        *,
        retry_after_s: float | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        status: int | None = None,
        request_id: str | None = None,
        result: ModelResult | None = None,
    ) -> None:
        super().__init__(message, hint=_HINTS[failure], code=failure)
        self.failure: CallFailure = failure
        self.retry_after_s = retry_after_s
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        self.status = status
        self.request_id = request_id
        self.result = result  # the snapshot, when the server did answer


_OVERFLOW_MARKS = ("exceed_context_size", "context_length_exceeded", "maximum context length")
_BLOCK_MARKS = ("content_filter", "content_policy", "safety")


def failure_of_status(status: int, body: str) -> CallFailure:
    """The typed reason of an HTTP error answer."""
    lowered = body.lower()
    if any(mark in lowered for mark in _OVERFLOW_MARKS):
        return "context_overflow"
    if status in (401, 403):
        return "auth"
    if status == 404:
        return "not_found"
    if status == 408:
        return "timeout"
    if status == 429:
        return "rate_limit"
    if status >= 500:
        return "overloaded"
    if any(mark in lowered for mark in _BLOCK_MARKS):
        return "blocked"
    return "bad_request"


def without_secret(text: str, secret: str | None) -> str:
    """The text with the API key, should a server echo it, blotted out; cut to a bounded length."""
    if secret:
        text = text.replace(secret, "[key]")
    return text[:MESSAGE_CHARS_MAX]
