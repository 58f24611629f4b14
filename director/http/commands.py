"""The route that carries out a command of the command line for the person of a token (`AURA_URL`).

The answer is a stream of JSON lines: text and progress while the command works, and its answer at the end.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from director.http import bodies
from director.http.command_key import key_of
from director.http.sign_in import Doorkeeper
from director.services.session import DirectorSession
from domain.errors import AuraError, Forbidden, TooMany, Unauthenticated
from domain.message import derive

LINES = "application/x-ndjson"
COMMANDS_MAX = 40
COMMANDS_OF_USER_MAX = 8
RECHECK_S = 2.0
"""A command ends at most this long after its token or role."""
BEAT_S = 15.0


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
    places = _Places()

    @router.post("/commands/{name}")
    async def run(request: Request, name: str, body: bodies.Command) -> Response:
        """Carry out a command. It needs a token with the scope `read`, and for acts the scope of the act."""
        who = await keeper.reader(request)
        if who.scopes is None:
            raise Forbidden("A session may not send commands of the command line.", hint="Send a token.", code="token")
        id = derive(key_of(request), who.user, name)
        prepared = known.prepare(name, body.options, body.files, as_json=body.as_json)
        place = places.take(who.user)
        place.__enter__()
        opened = keeper.callers.session(who)

        async def may_go_on() -> bool:
            return await keeper.still_reads(who)

        async def stream() -> AsyncIterator[bytes]:
            try:
                async for line in _guarded(prepared, prepared.lines(opened, id), may_go_on):
                    yield line
            finally:
                place.__exit__(None, None, None)

        return StreamingResponse(stream(), media_type=LINES, headers={"X-Accel-Buffering": "no"})

    return router


class _Places:
    """The number of commands that run at the same time."""

    def __init__(self) -> None:
        self._open: Counter[UUID] = Counter()

    @contextmanager
    def take(self, user: UUID) -> Any:
        if self._open.total() >= COMMANDS_MAX or self._open[user] >= COMMANDS_OF_USER_MAX:
            raise TooMany(
                "Too many commands run at once.", hint="Wait for another one to end.", code="too_many_commands"
            )
        self._open[user] += 1
        try:
            yield
        finally:
            self._open[user] -= 1


async def _guarded(prepared: Prepared, lines: AsyncIterator[bytes], may_go_on: Any) -> AsyncIterator[bytes]:
    """Yield the lines of a command, with beats in between, until it ends or its person may not read any more."""
    loop = asyncio.get_running_loop()
    beaten = loop.time()
    following = asyncio.ensure_future(anext(lines, None))
    try:
        while True:
            done, _ = await asyncio.wait({following}, timeout=RECHECK_S)
            if done:
                line = following.result()
                if line is None:
                    return
                yield line
                following = asyncio.ensure_future(anext(lines, None))
                continue
            if not await may_go_on():
                yield prepared.ended(
                    Unauthenticated("The token has ended, or its user may not read any more.", hint="Ask a director.")
                )
                return
            if loop.time() - beaten >= BEAT_S:
                beaten = loop.time()
                yield prepared.beat()
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await lines.aclose()  # type: ignore[attr-defined]  # an async generator
