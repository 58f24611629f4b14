"""The overview: everything that needs a person first, then the runs, then the numbers of today."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from bus.clock import now
from director.http.pages.page_maker import PageMaker
from director.http.pages.screens import OVERVIEW
from director.services.run_pages import PHASES, run_page
from domain.ladder import DAY_US


def overview_page(maker: PageMaker) -> APIRouter:
    """Return the overview."""
    router = APIRouter(include_in_schema=False)

    @router.get(OVERVIEW.path)
    async def show(request: Request, after: str = "") -> Response:
        viewer = await maker.viewer(request, OVERVIEW)
        values = {
            "inbox": await maker.bar.inbox(),
            "page": await run_page(maker.store, after),
            "phases": await PHASES.read(maker.store, now() - DAY_US),
        }
        return await maker.show(request, OVERVIEW, viewer, await maker.moment(request), values)

    return router
