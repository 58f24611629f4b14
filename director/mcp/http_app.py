"""The MCP server over streamable HTTP, as a part of the HTTP application. Each request needs a token of its own.

The SDK of MCP takes as long to load as all the rest of the HTTP application. Therefore the first request with a token
loads it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from bus.logger import SILENT, Logger
from director.services.callers import Callers
from domain.errors import AuraError, Unauthenticated
from governance.credentials import SignedIn

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

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
        self._log = log
        self._wanted = asyncio.Event()
        self._serving: asyncio.Task[None]
        self._manager: asyncio.Future[StreamableHTTPSessionManager]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve inside this context."""
        self._manager = asyncio.get_running_loop().create_future()
        self._serving = asyncio.create_task(self._serve())
        try:
            yield
        finally:
            self._serving.cancel()
            await asyncio.wait([self._serving])

    async def _serve(self) -> None:
        """Load the SDK when the first caller comes, and keep its manager open until this task is cancelled."""
        await self._wanted.wait()
        manager = await asyncio.to_thread(self._load)
        async with manager.run():
            self._manager.set_result(manager)
            await asyncio.Event().wait()

    def _load(self) -> "StreamableHTTPSessionManager":
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        from director.mcp.server import McpDoor

        server = McpDoor(self._callers, _caller_of, local=False, log=self._log).server()
        return StreamableHTTPSessionManager(server, stateless=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await self._other_method(scope, receive, send)
            return
        try:
            scope[CALLER] = await self._who(Request(scope))
        except AuraError as error:
            await self._refuse(error)(scope, receive, send)
            return
        manager = await self._opened()
        await manager.handle_request(scope, receive, send)

    async def _opened(self) -> "StreamableHTTPSessionManager":
        """Return the manager when it is open. Raises the error that ended it."""
        self._wanted.set()
        either: list[asyncio.Future[Any]] = [self._serving, self._manager]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if self._serving.done():
            await self._serving
        return self._manager.result()

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
