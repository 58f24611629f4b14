"""The routes that only read. Each can show an earlier state (`as_of`); the rights of today decide who may read it.

Lists have pages: `next` in an answer is the value of `after` for the next page, or null.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from bus.store import Store
from director.http.problems import answer
from director.http.sign_in import Doorkeeper
from director.services.approvals import waiting_runs
from director.services.costs import CostRequest, costs_in, dimensions_of
from director.services.halt_receipt import last_halt
from director.services.incidents import Wanted, incident_story, incidents_page, list_incidents
from director.services.moment import store_as_of
from director.services.run_list import RUNS_MAX, TEXT_CHARACTERS_MAX, RunsWanted, runs_page
from director.services.run_record import run_data
from director.services.session import find_run
from director.services.views import ORGANISATION, PEOPLE
from domain.errors import Invalid, Unavailable

Limit = Annotated[int, Query(ge=1, le=RUNS_MAX)]
Text = Annotated[str, Query(max_length=TEXT_CHARACTERS_MAX)]
AsOf = Annotated[str, Query(max_length=20, description="A sequence: the state after this event. Empty: now.")]
COSTS_BY = "run"


class Reading:
    """Opens the store for a request that reads: who asks may read, and the store is as of the asked event."""

    def __init__(self, keeper: Doorkeeper) -> None:
        self._keeper = keeper

    async def __call__(self, request: Request, as_of: str = "") -> Store:
        """Return the store. Raises Unauthenticated, Forbidden, Invalid, NotFound."""
        await self._keeper.reader(request)
        return await store_as_of(self._keeper.office.store, as_of)


def reads(keeper: Doorkeeper) -> APIRouter:
    """Return the routes that read runs, and what waits for a person."""
    router = APIRouter(prefix="/api")
    reading = Reading(keeper)

    @router.get("/status")
    async def status(request: Request, as_of: AsOf = "") -> Response:
        store = await reading(request, as_of)
        line = await ORGANISATION.first(store)
        return answer({"phase": line.phase if line else "unfounded", "recorded_up_to": await store.recorded_up_to()})

    @router.get("/runs")
    async def runs(
        request: Request,
        after: Text = "",
        limit: Limit = 50,
        phase: Text = "",
        outcome: Text = "",
        text: Text = "",
        as_of: AsOf = "",
    ) -> Response:
        store = await reading(request, as_of)
        wanted = RunsWanted(after=id_of(after), phase=phase, outcome=outcome, text=text, limit=limit)
        return answer(await runs_page(store, wanted))

    @router.get("/runs/{run}")
    async def run(request: Request, run: str, as_of: AsOf = "") -> Response:
        store = await reading(request, as_of)
        data = await run_data(store, await find_run(store, run))
        if data["run"] is None:
            raise Unavailable(
                "The manager has not begun this run yet.", hint="See whether the manager runs: `aura status`"
            )
        return answer(data)

    @router.get("/organisation/halt")
    async def halt(request: Request, as_of: AsOf = "") -> Response:
        return answer(await last_halt(await reading(request, as_of)))

    @router.get("/inbox")
    async def inbox(request: Request, as_of: AsOf = "") -> Response:
        store = await reading(request, as_of)
        severe = await list_incidents(store, Wanted(state="unclosed", severity="severe"))
        return answer({"runs": await waiting_runs(store), "incidents": severe})

    return router


def staff_reads(keeper: Doorkeeper) -> APIRouter:
    """Return the routes that read the staff, its costs and its incidents."""
    router = APIRouter(prefix="/api")
    reading = Reading(keeper)

    @router.get("/employees")
    async def employees(request: Request, after: Text = "", limit: Limit = 50, as_of: AsOf = "") -> Response:
        store = await reading(request, as_of)
        return answer(_page("employees", await PEOPLE.read(store), "employee", after, limit))

    @router.get("/costs")
    async def costs(request: Request, by: Text = COSTS_BY, as_of: AsOf = "") -> Response:
        store = await reading(request, as_of)
        return answer({"costs": await costs_in(store, CostRequest(by=dimensions_of(by)))})

    @router.get("/incidents")
    async def incidents(
        request: Request,
        after: Text = "",
        limit: Limit = 50,
        state: Text = "",
        severity: Text = "",
        as_of: AsOf = "",
    ) -> Response:
        store = await reading(request, as_of)
        return answer(await incidents_page(store, Wanted(state=state, severity=severity), id_of(after), limit))

    @router.get("/incidents/{incident}")
    async def incident(request: Request, incident: str, as_of: AsOf = "") -> Response:
        return answer(await incident_story(await reading(request, as_of), incident))

    return router


def id_of(text: str) -> UUID | None:
    """Parse a whole id; None for an empty text. Raises Invalid."""
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Invalid(f"{text!r} is not a whole id.", hint="Write the value of `next` of the page before.") from None


def _page(name: str, lines: Any, key: str, after: str, limit: int) -> dict[str, Any]:
    """Return the lines after the one with this key. Raises Invalid for an unknown key."""
    keys = [str(getattr(line, key)) for line in lines]
    if after and after not in keys:
        raise Invalid(f"There is no {key} {after!r} in this list.", hint="Begin again without `after`.")
    begin = keys.index(after) + 1 if after else 0
    page = lines[begin : begin + limit]
    return {name: page, "next": keys[begin + limit - 1] if begin + limit < len(lines) else None}
