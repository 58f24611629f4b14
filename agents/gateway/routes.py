"""The routes of the gateway, as data. A request with another method or path is refused."""

import re
from typing import Literal, NamedTuple
from urllib.parse import quote

from agents.gateway.refusals import GatewayRefusal, NotAllowed, WireName
from agents.gateway.wires import reasons

Action = Literal["call", "count", "models", "model", "check"]
_MODEL = r"(?:models/)?[A-Za-z0-9][A-Za-z0-9._:@-]{0,199}"


class Route(NamedTuple):
    """One route. `query`: the only parameters that it may have. Their values are not sent on."""

    method: str
    path: re.Pattern[str]
    wire: WireName
    action: Action
    query: frozenset[str] = frozenset()
    stream: bool = False


class Matched(NamedTuple):
    route: Route
    model: str  # of the path; "" if the path has none


def _route(
    method: str, path: str, wire: WireName, action: Action, query: tuple[str, ...] = (), *, stream: bool = False
) -> Route:
    return Route(method, re.compile(path), wire, action, frozenset(query), stream)


_GEMINI = rf"/v1(?:beta)?/models/(?P<model>{_MODEL})"
ROUTES: tuple[Route, ...] = (
    _route("POST", r"/v1/chat/completions", "chat", "call"),
    _route("POST", r"/v1/responses", "responses", "call"),
    _route("POST", r"/v1/messages", "messages", "call", ("beta=true",)),
    _route("POST", _GEMINI + ":generateContent", "gemini", "call", ("key",)),
    _route("POST", _GEMINI + ":streamGenerateContent", "gemini", "call", ("alt=sse", "key"), stream=True),
    _route("POST", r"/aura/check", "chat", "check"),
    _route("POST", r"/v1/messages/count_tokens", "messages", "count", ("beta=true",)),
    _route("POST", _GEMINI + ":countTokens", "gemini", "count", ("key",)),
    _route("GET", r"/v1/models", "chat", "models", ("beta=true", "limit", "client_version")),
    _route("GET", rf"/v1/models/(?P<model>(?:[A-Za-z0-9._-]+/)?{_MODEL})", "chat", "model", ("beta=true",)),
    _route("GET", r"/v1beta/models", "gemini", "models", ("key", "pageSize")),
    _route("GET", rf"/v1beta/models/(?P<model>{_MODEL})", "gemini", "model", ("key",)),
)
_BEGINNINGS: tuple[tuple[str, str], ...] = (
    ("/v1/files", reasons.STORED),
    ("/v1/uploads", reasons.STORED),
    ("/v1/batches", reasons.STORED),
    ("/v1/messages/batches", reasons.STORED),
    ("/v1/conversations", reasons.STORED),
    ("/v1/responses/", reasons.STORED),
    ("/v1/chat/completions/", reasons.STORED),
    ("/v1/assistants", reasons.STORED),
    ("/v1/threads", reasons.STORED),
    ("/v1/vector_stores", reasons.STORED),
    ("/v1/containers", reasons.HOSTED_TOOL),
    ("/v1beta/cachedContents", reasons.STORED),
    ("/v1beta/files", reasons.STORED),
    ("/upload/", reasons.STORED),
)
_ADVICE = "Use POST /v1/chat/completions, /v1/responses, /v1/messages or /v1beta/models/MODEL:generateContent."


def wire_of_path(path: str) -> WireName:
    """Return the wire format in which a refusal for this path is written."""
    if path.startswith(("/v1beta", "/upload")) or ":generateContent" in path or ":streamGenerateContent" in path:
        return "gemini"
    if path.startswith("/v1/messages"):
        return "messages"
    return "responses" if path.startswith("/v1/responses") else "chat"


def match(method: str, target: str) -> Matched:
    """Return the route of a request.

    :raises GatewayRefusal: if the path, the method or a parameter is not on the list.
    """
    path, _, query = target.partition("?")
    for route in ROUTES:
        found = route.path.fullmatch(path)
        if found is not None and route.method == method:
            _check_query(route, query)
            return Matched(route, found.groupdict().get("model") or "")
    for beginning, reason in _BEGINNINGS:
        if path.startswith(beginning):
            raise NotAllowed(path[:200], reason)
    raise GatewayRefusal(404, "unknown_route", f"The gateway does not have {method} {path[:200]}. {_ADVICE}")


def _check_query(route: Route, query: str) -> None:
    given = [pair for pair in query.split("&") if pair]
    for pair in given:
        if pair not in route.query and pair.partition("=")[0] not in route.query:
            raise NotAllowed(f"?{pair.partition('=')[0][:80]}", "the gateway knows no such parameter of this path.")
    if len({pair.partition("=")[0] for pair in given}) != len(given):
        raise NotAllowed("?", "a parameter comes twice.")
    if route.stream and "alt=sse" not in given:
        raise NotAllowed("streamGenerateContent", "add ?alt=sse: other forms of a stream are not known.")


def address_of_call(wire: WireName, base_url: str, model: str, *, stream: bool) -> str:
    """Return the address at the provider. It is made from the settings alone, never from the request's path."""
    base = base_url.rstrip("/")
    if wire == "gemini":
        version = "" if base.endswith(("/v1", "/v1beta")) else "/v1beta"
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"{base}{version}/models/{quote(model.removeprefix('models/'), safe='')}:{method}"
    if wire == "messages":
        return f"{base}/messages" if base.endswith("/v1") else f"{base}/v1/messages"
    return f"{base}/responses" if wire == "responses" else f"{base}/chat/completions"
