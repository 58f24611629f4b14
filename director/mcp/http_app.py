"""The MCP server over streamable HTTP, as a part of the HTTP application. Each request needs a token of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from bus.logger import SILENT, Logger
from director.mcp.server import McpDoor
from director.services.callers import Callers
from domain.errors import AuraError, Unauthenticated
from governance.credentials import SignedIn

PATH = "/mcp"
CALLER = "aura.caller"
Check = Callable[[Request], None]
"""Raises Forbidden for a request that a page of another site sends."""
Refuse = Callable[[AuraError], ASGIApp]
"""Returns the answer for an error."""


class McpApp:
    """The application at /mcp. It keeps no session, so each request is complete, and every process can answer it.

    A cookie never counts, so no page of another site can send a request. Only POST is served: there is no stream
    without a request, and no session to end.
    """

    def __init__(
        self, callers: Callers, *, check: Check, refuse: Refuse, other_method: ASGIApp, log: Logger = SILENT
    ) -> None:
        self._callers = callers
        self._check = check
        self._refuse = refuse
        self._other_method = other_method
        server = McpDoor(callers, _caller_of, local=False, log=log).server()
        self._manager = StreamableHTTPSessionManager(server, stateless=True)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve inside this context."""
        async with self._manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await self._other_method(scope, receive, send)
            return
        try:
            scope[CALLER] = await self._who(Request(scope))
        except AuraError as error:
            await self._refuse(error)(scope, receive, send)
            return
        await self._manager.handle_request(scope, receive, send)

    async def _who(self, request: Request) -> SignedIn:
        """Return whose token the request has. Raises Unauthenticated, Forbidden."""
        self._check(request)
        header = request.headers.get("authorization", "")
        if not header:
            raise Unauthenticated("The request has no token.", hint="Send a token: Authorization: Bearer TOKEN")
        return await self._callers.by_bearer(header)


async def _caller_of(request: Any) -> SignedIn:
    """Return the caller that was found before the request was parsed. Raises Unauthenticated."""
    caller: Awaitable[SignedIn] | SignedIn | None = request.scope.get(CALLER) if request is not None else None
    if not isinstance(caller, SignedIn):
        raise Unauthenticated("The request has no token.", hint="Send a token: Authorization: Bearer TOKEN")
    return caller
