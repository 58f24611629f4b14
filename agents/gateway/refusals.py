"""Refusals of the gateway. A refusal becomes an answer in the wire format of the request."""

import json
from typing import Any, Literal

WireName = Literal["chat", "responses", "messages", "gemini"]


class GatewayRefusal(Exception):
    """The gateway does not pass the request on. `code` is machine-readable; the message says what to do."""

    def __init__(self, status: int, code: str, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s


class NotAllowed(GatewayRefusal):
    """A field of the request that would give the box a network, or cost more than its bound. `field` is its path."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(400, "not_allowed", f"The gateway does not allow `{field}`: {reason}")
        self.field = field


_ANTHROPIC_TYPES = {401: "authentication_error", 402: "billing_error", 403: "permission_error", 404: "not_found_error"}
_ANTHROPIC_TYPES |= {413: "request_too_large", 429: "rate_limit_error", 503: "overloaded_error"}
_GEMINI_STATUSES = {402: "RESOURCE_EXHAUSTED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}
_GEMINI_STATUSES |= {503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}


def body_of(refusal: GatewayRefusal, wire: WireName) -> bytes:
    """Return the refusal as the error body of a wire format."""
    return json.dumps(_body(refusal, wire)).encode()


def _body(refusal: GatewayRefusal, wire: WireName) -> dict[str, Any]:
    status, server = refusal.status, refusal.status >= 500
    if wire == "messages":
        kind = _ANTHROPIC_TYPES.get(status, "api_error" if server else "invalid_request_error")
        return {"type": "error", "error": {"type": kind, "message": refusal.message, "code": refusal.code}}
    if wire == "gemini":
        name = _GEMINI_STATUSES.get(status, "INTERNAL" if server else "INVALID_ARGUMENT")
        detail = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": refusal.code}
        return {"error": {"code": status, "message": refusal.message, "status": name, "details": [detail]}}
    kind = "server_error" if server else "invalid_request_error"
    kind = "insufficient_quota" if status == 402 else kind
    return {"error": {"message": refusal.message, "type": kind, "param": None, "code": refusal.code}}
