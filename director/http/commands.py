"""The route that carries out a command of the command line for the person of a token (`AURA_URL`).

The answer is a stream of JSON lines: text and progress while the command works, and its answer at the end.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from director.http import bodies
from director.http.command_key import key_of
from director.http.sign_in import Doorkeeper
from director.http.stream import HEARTBEAT_S, RECHECK_S, LiveAnswer, Places
from director.services.session import DirectorSession
from domain.errors import AuraError, Forbidden, TooMany, Unauthenticated
from domain.message import derive

LINES = "application/x-ndjson"
COMMANDS_MAX = 40
COMMANDS_OF_USER_MAX = 8
TOO_MANY = TooMany("Too many commands run at once.", hint="Wait for another one to end.", code="too_many_commands")


class Commands(Protocol):
    """The commands of the command line. `director/cli/remote/running.py` has them, because the API is below it."""

    def prepare(self, name: str, options: Mapping[str, Any], files: Mapping[str, str], *, as_json: bool) -> "Prepared":
        """Check a command and its options. Raises Invalid."""
        ...


class Prepared(Protocol):
    """A command that is ready to run."""

    def lines(self, opened: DirectorSession, id: UUID) -> AsyncIterator[bytes]:
        """Carry out the command in this session, and yield its lines. `id`: the parent of the ids of its commands."""
        ...

    def ended(self, error: AuraError) -> bytes:
        """Return the last line of a command that ends early."""
        ...

    def beat(self) -> bytes:
        """Return the line that shows that the connection lives."""
        ...


def commands(keeper: Doorkeeper, known: Commands) -> APIRouter:
    """Return the route of commands."""
    router = APIRouter(prefix="/api")
    places = Places(COMMANDS_MAX, COMMANDS_OF_USER_MAX, TOO_MANY)

    @router.post("/commands/{name}")
    async def run(request: Request, name: str, body: bodies.Command) -> Response:
        """Carry out a command. It needs a token with the scope `read`, and for acts the scope of the act."""
        who = await keeper.reader(request)
        if who.scopes is None:
            raise Forbidden("A session may not send commands of the command line.", hint="Send a token.", code="token")
        id = derive(key_of(request), who.user, name)
        prepared = known.prepare(name, body.options, body.files, as_json=body.as_json)
        opened = keeper.callers.session(who)

        async def may_go_on() -> bool:
            return await keeper.still_reads(who)

        return LiveAnswer(
            places, who.user, lambda: _guarded(prepared, prepared.lines(opened, id), may_go_on), media_type=LINES
        )

    return router


async def _guarded(prepared: Prepared, lines: AsyncIterator[bytes], may_go_on: Any) -> AsyncIterator[bytes]:
    """Yield the lines of a command, with beats in between, until it ends or its person may not read any more."""
    loop = asyncio.get_running_loop()
    checked = beaten = loop.time()
    following = asyncio.ensure_future(anext(lines, None))
    try:
        while True:
            if loop.time() - checked >= RECHECK_S:
                if not await may_go_on():
                    gone = "The token has ended, or its user may not read any more."
                    yield prepared.ended(Unauthenticated(gone, hint="Ask a director."))
                    return
                checked = loop.time()
            done, _ = await asyncio.wait({following}, timeout=RECHECK_S)
            if done:
                line = following.result()
                if line is None:
                    return
                yield line
                beaten = loop.time()
                following = asyncio.ensure_future(anext(lines, None))
            elif loop.time() - beaten >= HEARTBEAT_S:
                beaten = loop.time()
                yield prepared.beat()
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await lines.aclose()  # type: ignore[attr-defined]  # an async generator
