"""The routes that read the log: pages of events, and the live stream."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from director.http.problems import answer
from director.http.reads import AsOf, Limit, Reading, Text
from director.http.sign_in import Doorkeeper
from director.http.stream import LiveAnswer, Pulse, events_stream, sequence_of
from director.services.events import Filter, events_page, search_of
from director.services.times import SEQ_MAX

After = Annotated[int, Query(ge=0, le=SEQ_MAX)]


def log_reads(keeper: Doorkeeper, pulse: Pulse) -> APIRouter:
    """Return the routes that read the log."""
    router = APIRouter(prefix="/api")
    reading = Reading(keeper)
    store = keeper.office.store

    @router.get("/events")
    async def events(
        request: Request, after: After = 0, limit: Limit = 100, run: Text = "", type: Text = "", as_of: AsOf = ""
    ) -> Response:
        seen = await reading(request, as_of)
        return answer(await events_page(seen, Filter(run=run, kind=type, after=after), limit))

    @router.get("/events/live")
    async def live(request: Request, after: Text = "", run: Text = "", type: Text = "") -> Response:
        """Follow the log. `Last-Event-ID` or `after` is a sequence; without both, only new events come."""
        who = await keeper.reader(request)
        search = await search_of(store, Filter(run=run, kind=type))
        begin = sequence_of(request.headers.get("last-event-id", "") or after)
        start = begin if begin is not None else await store.recorded_up_to()
        return LiveAnswer(
            pulse.places, who.user, lambda: events_stream(store, pulse, search, start, lambda: keeper.still_reads(who))
        )

    return router
