"""The routes that only read. Lists have pages: `next` is the value of `after` for the next page, or null."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from bus.store import FAR, Search
from director.http.problems import answer
from director.http.sign_in import Doorkeeper
from director.http.stream import Pulse, events_stream
from director.services.approvals import waiting_runs
from director.services.costs import CostRequest, costs_in, dimensions_of
from director.services.events import event_view
from director.services.halt_receipt import last_halt
from director.services.incidents import Wanted, incident_story, list_incidents
from director.services.run_record import run_data
from director.services.session import find_run
from director.services.times import SEQ_MAX
from director.services.views import ORGANISATION, PEOPLE, RUNS
from domain.errors import Invalid, Unavailable

PAGE_MAX = 500
After = Annotated[int, Query(ge=0, le=SEQ_MAX)]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
Text = Annotated[str, Query(max_length=100)]
COSTS_BY = "run"


def reads(keeper: Doorkeeper) -> APIRouter:
    """Return the routes that read the organisation."""
    router = APIRouter(prefix="/api")
    store = keeper.office.store

    @router.get("/status")
    async def status(request: Request) -> Response:
        await keeper.reader(request)
        line = await ORGANISATION.first(store)
        return answer({"phase": line.phase if line else "unfounded", "recorded_up_to": await store.recorded_up_to()})

    @router.get("/runs")
    async def runs(request: Request, after: Text = "", limit: Limit = 50) -> Response:
        await keeper.reader(request)
        lines = await RUNS.read(store)
        return answer(_page("runs", lines, "run", after, limit))

    @router.get("/runs/{run}")
    async def run(request: Request, run: str) -> Response:
        await keeper.reader(request)
        data = await run_data(store, await find_run(store, run))
        if data["run"] is None:
            raise Unavailable(
                "The manager has not begun this run yet.", hint="See whether the manager runs: `aura status`"
            )
        return answer(data)

    @router.get("/organisation/halt")
    async def halt(request: Request) -> Response:
        await keeper.reader(request)
        return answer(await last_halt(store))

    @router.get("/inbox")
    async def inbox(request: Request) -> Response:
        await keeper.reader(request)
        severe = await list_incidents(store, Wanted(state="unclosed", severity="severe"))
        return answer({"runs": await waiting_runs(store), "incidents": severe})

    @router.get("/employees")
    async def employees(request: Request, after: Text = "", limit: Limit = 50) -> Response:
        await keeper.reader(request)
        return answer(_page("employees", await PEOPLE.read(store), "employee", after, limit))

    @router.get("/costs")
    async def costs(request: Request, by: Text = COSTS_BY) -> Response:
        await keeper.reader(request)
        return answer({"costs": await costs_in(store, CostRequest(by=dimensions_of(by)))})

    @router.get("/incidents")
    async def incidents(request: Request, after: Text = "", limit: Limit = 50) -> Response:
        await keeper.reader(request)
        return answer(_page("incidents", await list_incidents(store, Wanted()), "incident", after, limit))

    @router.get("/incidents/{incident}")
    async def incident(request: Request, incident: str) -> Response:
        await keeper.reader(request)
        return answer(await incident_story(store, incident))

    return router


def log_reads(keeper: Doorkeeper, pulse: Pulse) -> APIRouter:
    """Return the routes that read the log."""
    router = APIRouter(prefix="/api")
    store = keeper.office.store

    @router.get("/events")
    async def events(
        request: Request, after: After = 0, limit: Limit = 100, run: Text = "", type: Text = ""
    ) -> Response:
        await keeper.reader(request)
        page = await store.search(await _search(run, type), after, FAR, limit)
        following = page[-1].seq if len(page) == limit else None
        return answer({"events": [event_view(recorded) for recorded in page], "next": following})

    @router.get("/events/live")
    async def live(request: Request, after: Text = "", run: Text = "", type: Text = "") -> Response:
        """Follow the log. `Last-Event-ID` or `after` is a sequence; without both, only new events come."""
        who = await keeper.reader(request)
        search = await _search(run, type)
        begin = _sequence(request.headers.get("last-event-id", "") or after)
        start = begin if begin is not None else await store.recorded_up_to()
        place = pulse.place(who.user)
        await place.__aenter__()  # before the answer begins, so that a refusal is a problem and no broken stream

        async def parts() -> Any:
            try:
                async for part in events_stream(store, pulse, search, start, lambda: keeper.still_reads(who)):
                    yield part
            finally:
                await place.__aexit__(None, None, None)

        return StreamingResponse(parts(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    async def _search(run: str, type: str) -> Search:
        return Search(run=await find_run(store, run) if run else None, type=type or None)

    return router


def _sequence(text: str) -> int | None:
    """Parse a sequence; None for an empty text. Raises Invalid."""
    if not text:
        return None
    if not text.isascii() or not text.isdecimal():
        raise Invalid("Last-Event-ID is not a sequence.", hint="Send the id of the last event that you received.")
    return min(int(text[:20]), SEQ_MAX)


def _page(name: str, lines: Any, key: str, after: str, limit: int) -> dict[str, Any]:
    """Return the lines after the one with this key. Raises Invalid for an unknown key."""
    keys = [str(getattr(line, key)) for line in lines]
    if after and after not in keys:
        raise Invalid(f"There is no {key} {after!r} in this list.", hint="Begin again without `after`.")
    begin = keys.index(after) + 1 if after else 0
    page = lines[begin : begin + limit]
    return {name: page, "next": keys[begin + limit - 1] if begin + limit < len(lines) else None}
