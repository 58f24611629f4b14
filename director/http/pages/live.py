"""The stream of a page: it says when the log has new events, and the page then asks for its parts again."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from bus.store import FAR, Search, Store
from director.http.pages.page_maker import PageMaker
from director.http.stream import HEARTBEAT_S, PULSE_S, RECHECK_S, LiveAnswer, Pulse, sequence_of
from director.services.times import SEQ_MAX

CHANGED_EVERY_S = 0.5
"""The shortest time between two notices. For each, a page swaps two parts: at most 4 swaps a second."""


def live_stream(maker: PageMaker, pulse: Pulse) -> APIRouter:
    """Return the route of the stream of a page."""
    router = APIRouter(include_in_schema=False)

    @router.get("/live")
    async def live(
        request: Request, after: Annotated[int, Query(ge=0, le=SEQ_MAX)], run: UUID | None = None
    ) -> Response:
        who = await maker.keeper.reader(request)
        begin = sequence_of(request.headers.get("last-event-id", ""))
        start = after if begin is None else begin
        return LiveAnswer(
            pulse.places,
            who.user,
            lambda: changes(maker.store, pulse, start, run, lambda: maker.keeper.still_reads(who)),
        )

    return router


async def changes(
    store: Store, pulse: Pulse, after: int, run: UUID | None, may_read: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    """Yield a notice when the log or the rows have moved, at most one in CHANGED_EVERY_S. Its id is the last event.

    run: only events of this run count. Rows follow the log, so a page is told again when they have caught up.
    """
    yield b"retry: 2000\n\n"
    checked = beaten = time.monotonic()
    told, pending = 0.0, False
    shown: dict[str, int] = await pulse.rows()
    while True:
        at = time.monotonic()
        if at - checked >= RECHECK_S:
            if not await may_read():
                yield b"event: end\ndata: signed_out\n\n"
                return
            checked = at
        if at - told >= CHANGED_EVERY_S:
            passed, now_shown = await pulse.recorded(), await pulse.rows()
            pending = pending or (
                passed > after and (not run or bool(await store.search(Search(run=run), after, FAR, 1)))
            )
            if pending and (passed > after or now_shown != shown):
                yield b"id: %d\nevent: changed\ndata: %d\n\n" % (passed, passed)
                told = beaten = at
            after, shown = max(after, passed), now_shown
            pending = pending and any(seq < after for seq in shown.values())
        if at - beaten >= HEARTBEAT_S:
            beaten = at
            yield b": %d\n\n" % after
        await asyncio.sleep(PULSE_S)
