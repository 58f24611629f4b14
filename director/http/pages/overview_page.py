"""The overview: everything that needs a person first, then the runs. Live, or as of an event."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from bus.clock import now
from director.http.pages.page_maker import Moment, PageMaker
from director.http.pages.screens import OVERVIEW
from director.services.overview_at import RUNS_MAX, overview_at, overview_differences
from director.services.page_views import PHASES
from director.services.run_list import RunsWanted, runs_page
from director.services.run_timeline import marks
from director.services.times import SEQ_MAX
from domain.ladder import DAY_US


def overview_page(maker: PageMaker) -> APIRouter:
    """Return the overview."""
    router = APIRouter(include_in_schema=False)

    @router.get(OVERVIEW.path)
    async def show(
        request: Request, after: UUID | None = None, versus: Annotated[int, Query(ge=0, le=SEQ_MAX)] = 0
    ) -> Response:
        viewer = await maker.viewer(request, OVERVIEW)
        moment = await maker.moment(request, OVERVIEW)
        values = await _past(maker, moment, versus) if moment.past else await _present(maker, after)
        return await maker.show(request, OVERVIEW, viewer, moment, values | {"marks": await marks(maker.store, None)})

    return router


async def _present(maker: PageMaker, after: UUID | None) -> dict[str, Any]:
    page = await runs_page(maker.store, RunsWanted(after=after))
    since = now() - DAY_US
    return {
        "inbox": await maker.bar.inbox(),
        "past": None,
        "runs": page.runs,
        "next": page.next,
        "phases": await PHASES.read(maker.store, since),
        "differences": None,
        "versus_value": "",
    }


async def _past(maker: PageMaker, moment: Moment, versus: int) -> dict[str, Any]:
    assert moment.seq is not None
    state = await overview_at(maker.store, moment.seq)
    earlier = await overview_at(maker.store, versus) if versus else None
    return {
        "past": state,
        "runs": state.runs[:RUNS_MAX],
        "next": None,
        "phases": [],
        "differences": overview_differences(earlier, state) if earlier is not None else None,
        "versus_value": versus or "",
    }
