"""Changes to a request for a server that refuses the usual form. Each change has a name, a test that shows whether the
change fits the request, and a function.

The names are stored in receipts and orders, so they never change. A name may have a value: `output_tokens_max=4096`.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from agents.employees.call_errors import CallFailure
from agents.employees.server_errors import failure_of_status, said_in

ADAPTATIONS_MAX = 8  # most adaptations of one employee; more adaptations never fit together
REFUSING = frozenset({400, 404, 405, 415, 422, 500, 501, 503})
"""Statuses that servers send if they refuse a part of a request. Some servers send a 5xx status."""
FORM_FAILURES: frozenset[CallFailure] = frozenset({"bad_request", "overloaded", "not_found", "malformed_response"})
"""Failures that may mean that the request's form was refused. Other failures, such as a wrong key or a used-up quota,
need other remedies.
"""
Params = dict[str, Any]
_REFUSED = (
    r"unsupported|not supported|n[o']t support|unrecognized|unknown|unexpected|not permitted|not allowed|extra|invalid|"
    r"only the default|deprecated|does not exist|not accept|cannot|can't|disallowed|no such|not enabled|"
    r"not implemented|must be|should be|remove|instead|not available|ignored"
)


class Adaptation(NamedTuple):
    """One change to a request. `words`: the server's wording of the refusal. `fits`: whether the request has the
    refused part. `change`: removes or replaces this part.
    """

    name: str
    words: re.Pattern[str]
    fits: Callable[[Params], bool]
    change: Callable[[Params, str], Params]


def _has(*names: str) -> Callable[[Params], bool]:
    return lambda params: any(name in params for name in names)


def _without(*names: str) -> Callable[[Params, str], Params]:
    return lambda params, _: {name: value for name, value in params.items() if name not in names}


def _renamed(old: str, new: str) -> Callable[[Params, str], Params]:
    return lambda params, _: {new if name == old else name: value for name, value in params.items()}


def _streamed(params: Params, _: str) -> Params:
    return {**params, "stream": True, "stream_options": {"include_usage": True}}


def _system_merged(params: Params, _: str) -> Params:
    """Put the text of the system messages before the text of the first other message."""
    system = [message["content"] for message in params["messages"] if message["role"] == "system"]
    others = [message for message in params["messages"] if message["role"] != "system"]
    if not others:
        return {**params, "messages": [{"role": "user", "content": "\n\n".join(system)}]}
    if others[0]["role"] != "user":
        return {**params, "messages": [{"role": "user", "content": "\n\n".join(system)}, *others]}
    first = {**others[0], "content": "\n\n".join([*system, others[0]["content"]])}
    return {**params, "messages": [first, *others[1:]]}


_THINKING = ("reasoning_content", "reasoning", "reasoning_details")


def _has_thinking(params: Params) -> bool:
    return any(name in message for message in params["messages"] for name in _THINKING)


def _without_thinking(params: Params, _: str) -> Params:
    messages = [
        {name: value for name, value in message.items() if name not in _THINKING} for message in params["messages"]
    ]
    return {**params, "messages": messages}


def _has_system(params: Params) -> bool:
    return any(message.get("role") == "system" for message in params["messages"])


def _limited(params: Params, value: str) -> Params:
    """Lower the token limit of the answer to the limit that the server allows."""
    names = [name for name in ("max_tokens", "max_completion_tokens") if name in params]
    return params | {name: min(params[name], int(value)) for name in names}


def _refusal_of(name: str) -> str:
    """Return a pattern that matches the parameter's name near a word of refusal, in any order."""
    word = rf"(?<![\w.]){name}(?![\w])"
    return rf"{word}[^\n]{{0,160}}(?:{_REFUSED})|(?:{_REFUSED})[^\n]{{0,120}}{word}"


ADAPTATIONS: tuple[Adaptation, ...] = (
    Adaptation(
        "max_completion_tokens",
        re.compile(r"max_tokens[^\n]{0,160}max_completion_tokens|use '?max_completion_tokens"),
        _has("max_tokens"),
        _renamed("max_tokens", "max_completion_tokens"),
    ),
    Adaptation(
        "max_tokens",
        re.compile(_refusal_of("max_completion_tokens")),
        _has("max_completion_tokens"),
        _renamed("max_completion_tokens", "max_tokens"),
    ),
    Adaptation(
        "stream",
        re.compile(
            r"only supports? (?:the )?stream|"
            r"stream(?:ing)?[`'\" ]*(?:mode )?(?:must|should|needs? to|is required|has to)|"
            r"(?:must|set|enable|require[sd]?|use)[^\n]{0,40}\bstream(?:ing)?\b|non-?stream(?:ing)?[^\n]{0,60}not"
            r"|(?:enable_thinking)[^\n]{0,60}non-?streaming"
        ),
        lambda params: "stream" not in params,
        _streamed,
    ),
    Adaptation(
        "no_stream_options",
        re.compile(_refusal_of("(?:stream_options|include_usage)")),
        _has("stream_options"),
        _without("stream_options"),
    ),
    Adaptation(
        "no_system",
        re.compile(
            rf"system[^\n]{{0,80}}(?:{_REFUSED})|(?:{_REFUSED})[^\n]{{0,60}}system|roles must alternate|"
            rf"developer instruction|(?:role|only user)[^\n]{{0,60}}(?:user|assistant)[^\n]{{0,40}}(?:{_REFUSED})"
        ),
        _has_system,
        _system_merged,
    ),
    Adaptation("no_seed", re.compile(_refusal_of("(?:random_)?seed")), _has("seed"), _without("seed")),
    Adaptation("no_temperature", re.compile(_refusal_of("temperature")), _has("temperature"), _without("temperature")),
    Adaptation("no_stop", re.compile(_refusal_of("stop(?:_sequences)?")), _has("stop"), _without("stop")),
    Adaptation(
        "no_thinking",
        re.compile(_refusal_of("reasoning(?:_content|_details)?")),
        _has_thinking,
        _without_thinking,
    ),
    Adaptation(
        "no_extras",
        re.compile(_refusal_of("(?:grammar|extra_body|extra fields?|additional properties)")),
        _has("extra_body"),
        _without("extra_body"),
    ),
)
"""Adaptations in the order in which they are tried. Each adaptation is made at most once."""
OUTPUT_LIMIT = "output_tokens_max"
_LIMIT_WORDS = re.compile(
    r"max_(?:completion_|new_)?tokens[^\n]{0,160}?(?:at most|less than or equal to|<=|maximum(?: is| of| value)?|up to|"
    r"no more than|between 1 and|\[1, ?|supports? at most|\d >)[^\d\n]{0,20}(\d{1,7})"
)
_BY_NAME = {adaptation.name: adaptation for adaptation in ADAPTATIONS}
_BY_PARAMETER = {
    "seed": "no_seed",
    "random_seed": "no_seed",
    "temperature": "no_temperature",
    "stop": "no_stop",
    "grammar": "no_extras",
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": "max_tokens",
    "stream": "stream",
    "stream_options": "no_stream_options",
}
"""A parameter that an error names in a field (`error.param`, FastAPI's `loc`) -> the adaptation that helps."""


def adapted(params: Params, names: Sequence[str]) -> Params:
    """Return the request after all adaptations that fit it. A name that this release does not know changes nothing."""
    for name in names[:ADAPTATIONS_MAX]:
        key, _, value = name.partition("=")
        if key == OUTPUT_LIMIT and value.isdigit():
            params = _limited(params, value)
        elif (adaptation := _BY_NAME.get(key)) is not None and adaptation.fits(params):
            params = adaptation.change(params, value)
    return params


def adaptation_for(status: int, body: str, params: Params, made: Sequence[str]) -> str | None:
    """Return the adaptation that may help after this refusal, or None if no adaptation can help."""
    if status not in REFUSING or len(made) >= ADAPTATIONS_MAX or failure_of_status(status, body) not in FORM_FAILURES:
        return None
    words = said_in(body).lower()
    limit = _limit_in(words, params)
    if limit is not None and not any(name.startswith(OUTPUT_LIMIT) for name in made):
        return f"{OUTPUT_LIMIT}={limit}"
    for name in (_by_parameter(body), *(one.name for one in ADAPTATIONS if one.words.search(words))):
        if name is not None and name not in made and not _undone(name, made) and _BY_NAME[name].fits(params):
            return name
    return None


def _undone(name: str, made: Sequence[str]) -> bool:
    """Return whether the adaptation would only reverse an earlier adaptation. Then the server accepts neither form."""
    return {name, *made} >= {"max_tokens", "max_completion_tokens"}


def _limit_in(words: str, params: Mapping[str, Any]) -> int | None:
    """Return the server's token limit for an answer, if the error states a limit that is lower than the requested
    limit.
    """
    matched = _LIMIT_WORDS.search(words)
    requested = params.get("max_tokens", params.get("max_completion_tokens", 0))
    limit = int(matched.group(1)) if matched else 0
    return limit if 0 < limit < requested else None


def _by_parameter(body: str) -> str | None:
    """Return the adaptation for the parameter that the error names in a field."""
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return None
    error = read.get("error") if isinstance(read, dict) else None
    named = error.get("param") if isinstance(error, dict) else None
    if named is None and isinstance(read, dict):
        named = _loc(read.get("detail"))
    return _BY_PARAMETER.get(named) if isinstance(named, str) else None


def _loc(detail: Any) -> str | None:
    first = detail[0] if isinstance(detail, list) and detail else None
    loc = first.get("loc") if isinstance(first, dict) else None
    return str(loc[-1]) if isinstance(loc, list) and loc else None
