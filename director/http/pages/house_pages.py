"""The screens Costs, Projections, Archive, Health and Rights."""

from typing import get_args

from fastapi import APIRouter, Request
from starlette.responses import Response

from bus.store import Store
from director.http.log_reads import After
from director.http.pages.charts import bars, columns
from director.http.pages.page_maker import Linker, PageMaker
from director.http.pages.screens import ARCHIVE, COSTS, HEALTH, PROJECTIONS, RIGHTS
from director.http.reads import id_of
from director.services.budget import BudgetView, budget_of
from director.services.costs import DIMENSIONS, CostLine, CostRequest, costs_in, dimensions_of
from director.services.health_view import health
from director.services.log_check import EVENTS_MAX, check_log
from director.services.page_views import DAY_COSTS
from director.services.positions import positions
from director.services.rights import rights
from director.services.run_list import RunsWanted, runs_page
from domain.errors import Unavailable
from domain.ladder import DAY_US
from domain.run_messages import Outcome
from domain.user import USER_ROLES

GROUPS_SHOWN = 100
BARS_SHOWN = 15
KEPT_US = 365 * DAY_US
"""Events are kept at least this long."""
OUTCOMES = get_args(Outcome)


def house_pages(maker: PageMaker) -> APIRouter:
    """Return the screens that show the state of the house."""
    router = APIRouter(include_in_schema=False)

    @router.get(PROJECTIONS.path)
    async def projections(request: Request) -> Response:
        viewer, moment = await maker.viewer(request, PROJECTIONS), await maker.moment(request, PROJECTIONS)
        found = None if moment.past else await positions(maker.store)
        return await maker.show(request, PROJECTIONS, viewer, moment, {"found": found})

    @router.get(HEALTH.path)
    async def healthy(request: Request) -> Response:
        viewer, moment = await maker.viewer(request, HEALTH), await maker.moment(request, HEALTH)
        return await maker.show(request, HEALTH, viewer, moment, {"found": await health(maker.store_of(moment))})

    @router.get(RIGHTS.path)
    async def matrix(request: Request) -> Response:
        viewer, moment = await maker.viewer(request, RIGHTS), await maker.moment(request, RIGHTS)
        values = {"found": await rights(maker.store_of(moment)), "roles": USER_ROLES}
        return await maker.show(request, RIGHTS, viewer, moment, values)

    return router


def money_pages(maker: PageMaker) -> APIRouter:
    """Return the screens Costs and Archive."""
    router = APIRouter(include_in_schema=False)

    @router.get(COSTS.path)
    async def costs(request: Request, by: str = "run") -> Response:
        viewer, moment = await maker.viewer(request, COSTS), await maker.moment(request, COSTS)
        store, (dimension, *_) = maker.store_of(moment), dimensions_of(by)
        lines = sorted(await costs_in(store, CostRequest(by=(dimension,))), key=lambda line: -line.usd)
        shown = lines[:GROUPS_SHOWN]
        names = [name_of(line, dimension) for line in shown]
        values = {
            "by": dimension,
            "dimensions": DIMENSIONS,
            "lines": shown,
            "names": names,
            "more": len(lines) if len(lines) > len(shown) else 0,
            "bars": bars([(name, line.usd) for name, line in zip(names, shown, strict=True)][:BARS_SHOWN]),
            "days": columns([(day.day, day.usd) for day in await DAY_COSTS.read(store, 0, None)]),
            "budget": await _budget(store),
        }
        return await maker.show(request, COSTS, viewer, moment, values)

    @router.get(ARCHIVE.path)
    async def archive(
        request: Request, text: str = "", outcome: str = "", after: str = "", check: After | None = None
    ) -> Response:
        viewer, moment = await maker.viewer(request, ARCHIVE), await maker.moment(request, ARCHIVE)
        store = maker.store_of(moment)
        wanted = RunsWanted(after=id_of(after), phase="ended", outcome=outcome, text=text.strip())
        page = await runs_page(store, wanted)
        values = {
            "page": page,
            "wanted": wanted,
            "outcomes": OUTCOMES,
            "older": Linker(moment)(ARCHIVE.path, after=page.next, text=wanted.text, outcome=outcome),
            "kept_until": lambda at: at + KEPT_US if at else None,
            "part": EVENTS_MAX,
            "checked": None if check is None else await check_log(store, check),
        }
        return await maker.show(request, ARCHIVE, viewer, moment, values)

    return router


def name_of(line: CostLine, dimension: str) -> str:
    """Return the name of a group of charges."""
    if dimension == "run":
        return line.title or str(line.run)
    if dimension == "employee":
        return line.name or str(line.employee)
    if dimension.startswith("label"):
        return ", ".join(f"{name}={value}" for name, value in line.labels.items()) or "no label"
    return str(getattr(line, dimension) or f"no {dimension}")


async def _budget(store: Store) -> BudgetView | None:
    """Return the budget; None before the organisation is founded."""
    try:
        return await budget_of(store)
    except Unavailable:
        return None
