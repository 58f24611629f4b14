"""The outer layer of the HTTP API: hosts, sizes and times of requests, and headers that every answer has."""

import asyncio
from collections.abc import Collection
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from director.http.problems import problem_of

BODY_BYTES_MAX = 1_000_000
BODY_WAIT_S = 20.0
"""A body that arrives more slowly is refused."""
DEFAULTS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
"""Headers of each answer that has none of its own. A page has its own policy."""
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Shield:
    """Refuses unknown hosts, and large and slow bodies, before anything else reads the request."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                for name, value in DEFAULTS.items():
                    headers.setdefault(name, value)
            await send(message)

        asked = Headers(scope=scope)
        if len(asked.getlist("host")) != 1 or host_of(asked["host"]) not in self._hosts:
            refusal = problem_of(
                HTTPStatus.MISDIRECTED_REQUEST, "unknown_host", "This server does not serve that host.",
                "Use the address that `aura serve http` prints.",
            )  # fmt: skip
            await refusal(scope, receive, send_safely)
            return
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            nul = problem_of(HTTPStatus.BAD_REQUEST, "invalid", "The address has a NUL character.", "Leave it out.")
            await nul(scope, receive, send_safely)
            return
        try:
            async with asyncio.timeout(BODY_WAIT_S):
                body = await _body(receive)
        except TimeoutError:
            late = problem_of(
                HTTPStatus.REQUEST_TIMEOUT, "slow_body", "The body of the request did not arrive in time."
            )
            await late(scope, receive, send_safely)
            return
        if body is None:
            large = problem_of(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "large_body", f"A body has at most {BODY_BYTES_MAX} bytes."
            )
            await large(scope, receive, send_safely)
            return
        pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_again() -> Message:
            return pending.pop() if pending else await receive()

        await self._app(scope, receive_again, send_safely)


def host_of(header: str) -> str:
    """Return the name or address in a Host header, without the port."""
    if header.startswith("["):
        return header.partition("]")[0][1:].lower()
    return header.partition(":")[0].lower()


async def _body(receive: Receive) -> bytes | None:
    """Return the whole body; None if it is larger than BODY_BYTES_MAX."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            return None
        if not message.get("more_body", False):
            return bytes(body)
