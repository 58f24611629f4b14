"""The routes that read what the screens show: the newest events, positions, the chart, health, rights and budgets."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from bus.store import FAR
from director.http.log_reads import After
from director.http.problems import answer
from director.http.reads import AsOf, Limit, Reading, Text
from director.http.sign_in import Doorkeeper
from director.services.budget import budget_of
from director.services.causes import find_subject
from director.services.employee_record import employee_record
from director.services.event_browser import BrowseWanted, browse, stored_event
from director.services.health_view import health
from director.services.log_check import EVENTS_MAX, check_log
from director.services.near_causes import explain_near
from director.services.organisation_chart import chart
from director.services.past_acts import past_acts
from director.services.positions import positions
from director.services.rights import rights
from director.services.times import SEQ_MAX

Before = Annotated[int, Query(ge=0, le=SEQ_MAX, description="Only events before this sequence. 0: the newest ones.")]
CheckLimit = Annotated[int, Query(ge=1, le=EVENTS_MAX)]


def event_reads(keeper: Doorkeeper) -> APIRouter:
    """Return the routes that read the log from its end, and single events."""
    router = APIRouter(prefix="/api")
    reading = Reading(keeper)

    @router.get("/events/newest")
    async def newest(
        request: Request,
        before: Before = 0,
        limit: Limit = 100,
        type: Text = "",
        importance: Text = "",
        run: Text = "",
        entity: Text = "",
        role: Text = "",
        as_of: AsOf = "",
    ) -> Response:
        store = await reading(request, as_of)
        wanted = BrowseWanted(
            before=before or FAR,
            kind=type,
            importance=importance,
            run=run,
            entity=entity,
            role=role,
            limit=limit,
        )
        return answer(await browse(store, wanted))

    @router.get("/events/{event}")
    async def event(request: Request, event: str, as_of: AsOf = "") -> Response:
        return answer(await stored_event(await reading(request, as_of), event))

    @router.get("/events/{event}/why")
    async def why(request: Request, event: str, as_of: AsOf = "") -> Response:
        store = await reading(request, as_of)
        return answer(await explain_near(store, await find_subject(store, event, "last")))

    @router.get("/log/check")
    async def check(request: Request, after: After = 0, limit: CheckLimit = EVENTS_MAX, as_of: AsOf = "") -> Response:
        """Check a part of the log. Go on with `after` = `next` until it is null."""
        return answer(await check_log(await reading(request, as_of), after, limit))

    @router.get("/acts")
    async def acts(request: Request, before: Before = 0, limit: Limit = 50, as_of: AsOf = "") -> Response:
        return answer(await past_acts(await reading(request, as_of), before or FAR, limit))

    return router


def house_reads(keeper: Doorkeeper) -> APIRouter:
    """Return the routes that read the state of the organisation."""
    router = APIRouter(prefix="/api")
    reading = Reading(keeper)

    @router.get("/staff")
    async def staff(request: Request, dismissed: bool = False, as_of: AsOf = "") -> Response:
        store = await reading(request, as_of)
        return answer(await chart(store, keeper.settings, dismissed=dismissed))

    @router.get("/employees/{employee}")
    async def employee(request: Request, employee: str, as_of: AsOf = "") -> Response:
        return answer(await employee_record(await reading(request, as_of), keeper.settings, employee))

    @router.get("/budget")
    async def budget(request: Request, as_of: AsOf = "") -> Response:
        return answer(await budget_of(await reading(request, as_of)))

    @router.get("/projections")
    async def projections(request: Request, as_of: AsOf = "") -> Response:
        return answer(await positions(await reading(request, as_of)))

    @router.get("/health")
    async def healthy(request: Request, as_of: AsOf = "") -> Response:
        return answer(await health(await reading(request, as_of)))

    @router.get("/rights")
    async def matrix(request: Request, as_of: AsOf = "") -> Response:
        return answer(await rights(await reading(request, as_of)))

    return router
