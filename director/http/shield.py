"""The outer layer of the HTTP API: hosts, sizes and times of requests, and headers that every answer has."""

import asyncio
from collections.abc import Collection
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from director.http.problems import problem_of
from director.http.request_checks import fault_of_body, fault_of_head

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
_CLOSE = {"Connection": "close"}
"""A connection is not used again if the end of its request is in doubt."""


class Shield:
    """Refuses unknown hosts, ambiguous requests, and large and slow bodies, before anything else reads the request."""

    def __init__(self, app: ASGIApp, hosts: Collection[str], own_bodies: Collection[str] = ()) -> None:
        """Create the layer. `own_bodies`: paths whose application checks the text of a body itself."""
        self._app = app
        self._hosts = frozenset(hosts)
        self._own_bodies = frozenset(own_bodies)

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
        fault = fault_of_head(scope)
        if fault is not None:
            await problem_of(*fault, _CLOSE)(scope, receive, send_safely)
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
        except ClientDisconnect:
            return
        if body is None:
            large = problem_of(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "large_body", f"A body has at most {BODY_BYTES_MAX} bytes."
            )
            await large(scope, receive, send_safely)
            return
        own = scope["path"] in self._own_bodies
        fault = None if own else fault_of_body(asked.get("content-type", ""), body)
        if fault is not None:
            await problem_of(*fault)(scope, receive, send_safely)
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
    """Return the whole body; None if it is larger than BODY_BYTES_MAX.

    Raises ClientDisconnect for a connection that ends before the body. A part of a body is never acted on.
    """
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            return None
        if not message.get("more_body", False):
            return bytes(body)
