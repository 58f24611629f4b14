"""The kind of failure for an error answer of a model server, and the provider's own message. Each table is searched
from its first line.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from agents.employees.call_errors import MESSAGE_CHARS_MAX, CallFailure
from agents.employees.safe_text import one_line, without_markup

READ_CHARS_MAX = 16 * 1024  # limit of an error's body; text after it has no new information
SENTENCES_MAX = 3


class Wording(NamedTuple):
    """The wording of servers for a kind of failure. `statuses`: the HTTP statuses for which the wording counts. Empty
    means all.
    """

    failure: CallFailure
    statuses: frozenset[int]
    words: re.Pattern[str]


def _wording(failure: CallFailure, statuses: tuple[int, ...], *forms: str) -> Wording:
    return Wording(failure, frozenset(statuses), re.compile("|".join(forms)))


_ANY = ()
_ASKED = (400, 403, 404, 410, 415, 422)
_PAID = (400, 403, 429)
_BUSY = (400, 409, 423, 424, 425, 429)
WORDINGS: tuple[Wording, ...] = (
    _wording("rate_limit", (429,), r"\"retrydelay\"", r"please retry in \d"),  # Gemini calls this a quota, too
    _wording(
        "payment",
        _PAID,
        r"insufficient[ _](?:quota|balance|credit|fund)",
        r"exceeded your current quota",
        r"billing[ _]hard[ _]limit",
        r"billing (?:is )?not (?:active|enabled)",
        r"credit balance is too low",
        r"requires more credits|out of credits|payment required|arrearage|account is not active",
    ),
    _wording(
        "region",
        _ASKED,
        r"unsupported_country|country, region",
        r"user location is not supported",
        r"not (?:available|supported) in your (?:country|region|location)",
    ),
    _wording(
        "auth",
        _ASKED,
        r"api[ _]key (?:is )?(?:not valid|invalid|missing|required)|api_key_invalid",
        r"(?:invalid|incorrect|missing|no)[ _]api[ _]key",
        r"invalid (?:token|authentication)|authentication[ _](?:error|failed)|unauthorized",
    ),
    _wording(
        "request_too_large",
        _ANY,
        r"request[ _](?:entity )?too[ _]large|payload too large",
    ),
    _wording(
        "context_overflow",
        _ANY,
        r"exceed_context_size|context[ _]length[ _]exceeded|context_window_exceeded",
        r"maximum context length|context window|max_model_len|n_ctx",
        r"exceeds? (?:the )?(?:available |model'?s? )?(?:maximum )?(?:context|input) (?:size|window|length)",
        r"(?:prompt|input|request|message|content)s? (?:is|are|was) too (?:long|large|big)",
        r"(?:greater|larger|longer|more) than (?:the |its )?(?:model'?s? )?(?:maximum )?context",
        r"too many (?:input |prompt )?tokens(?! per| in (?:a|one|this) (?:minute|day))",
        r"input (?:token count|length|tokens)[^.]{0,80}exceed",
        r"exceeds? the maximum (?:number of|input) tokens",
        r"`inputs`[^.]{0,40}tokens|inputs[^.]{0,40}max_new_tokens[^.]{0,20}must be",
        r"range of input length",
        r"reduce the length of (?:the|your) (?:messages|prompt|input)",
        r"token limit (?:is )?exceeded",
        r"(?:prompt|input)[^.]{0,60}(?:exceeds?|over|above)[^.]{0,40}(?:token|context|length|limit)",
        r"(?:sequence|string|total) length[^.]{0,60}(?:exceed|longer|too long)",
    ),
    _wording("bad_settings", (500,), r"requires more system memory"),  # Ollama: the context is too long for the machine
    _wording(
        "unknown_model",
        _ASKED,
        r"model[^.]{0,120}(?:does not exist|doesn't exist|not found|not exist|no such|unknown|is not valid)",
        r"model [`'\"\\]{1,2}[^`'\"]{1,200}[`'\"] (?:not found|does not exist)",  # names have dots: llama3.2:1b
        r"(?:no such|unknown|invalid|unsupported) model|model_not_found|not a valid model|no endpoints found",
        r"model[^.]{0,80}(?:decommissioned|deprecated|retired|no longer)",
        r"try pulling it first|no models? loaded",
        r"models/\S{1,120} is not (?:found|supported)",
        r"not_found_error\"[^{}]{0,40}\"model: ",
        r"(?:not|don't|doesn't) have access to (?:the )?model|not allowed to (?:use|access) (?:the )?model",
    ),
    _wording(
        "blocked",
        (400, 403, 422),
        r"content[ _](?:filter|policy)|content management policy|responsible ?ai",
        r"safety|moderation|flagged|prohibited content|usage polic",
    ),
    _wording(
        "rate_limit",
        (400, 403, 429, 503),
        r"rate[ _-]?limit|too many requests|(?:tokens|requests) per (?:minute|day)|quota exceeded",
    ),
    _wording(
        "overloaded",
        _BUSY,
        r"overloaded|model is (?:currently )?loading|warming up|try again later",
        r"no (?:healthy|available) (?:upstream|server)|capacity|temporarily unavailable",
        r"out of memory|internal (?:server )?error|service unavailable",
    ),
)
"""Wordings in the order of the search. More exact patterns come first. They match the provider's text in lower case."""
STATUSES: Mapping[int, CallFailure] = {
    301: "moved",
    302: "moved",
    303: "moved",
    307: "moved",
    308: "moved",
    401: "auth",
    402: "payment",
    403: "forbidden",
    404: "not_found",
    405: "not_found",
    407: "connection",
    408: "timeout",
    409: "overloaded",
    410: "not_found",
    413: "request_too_large",
    421: "moved",
    423: "overloaded",
    424: "overloaded",
    425: "overloaded",
    429: "rate_limit",
    451: "region",
    498: "auth",
    499: "connection",
    501: "not_found",
    511: "connection",
}
ERROR_TYPES: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""Names of errors of Anthropic (in `type`) and Google (in `status`) -> HTTP status. An error that comes with the status
of a success has only its name.
"""
DECIDED_BY_STATUS = frozenset({301, 302, 303, 307, 308, 401, 402, 407, 408, 451, 498, 511})
"""Statuses with a clear meaning. For these, the text of the answer is ignored."""


def failure_of_status(status: int, body: str) -> CallFailure:
    """Return the kind of failure of an HTTP error answer."""
    words = body[:READ_CHARS_MAX].lower()
    by_status = STATUSES.get(status, "overloaded" if status >= 500 else "bad_request")
    if status in DECIDED_BY_STATUS:
        return by_status
    for wording in WORDINGS:
        if (not wording.statuses or status in wording.statuses) and wording.words.search(words):
            return wording.failure
    return by_status


def status_of_error(error: Any) -> int | None:
    """Return the HTTP status that an error object names, by number or by name."""
    if not isinstance(error, dict):
        return None
    for key in ("code", "status", "type"):
        value = error.get(key)
        if isinstance(value, str):
            value = int(value) if value.isdigit() else ERROR_TYPES.get(value)
        if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
            return value
    return None


def sentence_of(body: str, secret: str | None = None) -> str:
    """Return the provider's own message from JSON or from an HTML page. It is safe and short and does not contain the
    key.
    """
    return one_line(said_in(body), MESSAGE_CHARS_MAX, secret)


def said_in(body: str) -> str:
    """Return the unchanged message in an error's body."""
    try:
        sentences = list(dict.fromkeys(_sentences(json.loads(body), 0)))[:SENTENCES_MAX]
    except (ValueError, RecursionError):
        sentences = []
    return "; ".join(sentences)[:READ_CHARS_MAX] if sentences else without_markup(body[:READ_CHARS_MAX])


_SAYING = ("message", "msg", "detail", "error_description", "error", "errors", "title", "reason", "raw", "description")
"""Keys under which servers put the message of an error, the most specific key first."""
SENTENCE_DEPTH_MAX = 6


def _sentences(value: Any, depth: int) -> Iterator[str]:
    """Yield the error messages in a value: one message for each object, and one for each error in a list."""
    if depth > SENTENCE_DEPTH_MAX:
        return
    if isinstance(value, str) and value.strip():
        yield _unwrapped(value.strip(), depth)
    elif isinstance(value, list):
        for item in value[:SENTENCES_MAX]:
            yield from _sentences(item, depth + 1)
    elif isinstance(value, dict):
        for key in _SAYING:
            texts = list(_sentences(value.get(key), depth + 1))
            if texts:
                place = _place(value.get("loc"))
                yield from (f"{place}: {text}" if place else text for text in texts)
                break
        yield from _original(value, depth)


def _unwrapped(text: str, depth: int) -> str:
    """Return the text, or the message inside it if the text is JSON. Gateways send errors in this form."""
    if text.startswith("{"):
        try:
            inner = next(_sentences(json.loads(text), depth + 1), "")
        except (ValueError, RecursionError):
            return text
        return inner or text
    return text


def _place(loc: Any) -> str:
    """Return the place in the request from FastAPI's validation errors: ["body", "seed"] -> seed."""
    return ".".join(str(part) for part in loc if part != "body") if isinstance(loc, list) else ""


def _original(value: Mapping[str, Any], depth: int) -> Iterator[str]:
    """Yield the message of the provider behind a gateway: OpenRouter stores it in `metadata.raw`."""
    metadata = value.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("raw"), str | dict):
        yield from _sentences(metadata["raw"], depth + 1)
