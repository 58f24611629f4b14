"""The screen that stops the organisation, and lets it go on."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from director.http.bodies import REASON_CHARACTERS_MAX
from director.http.pages.forms import read_form
from director.http.pages.page_maker import PageMaker
from director.http.pages.screens import STOP
from director.services import user_acts
from domain.errors import Invalid

TYPED = "HALT"
"""The word that a person types to confirm a halt."""


def stop_pages(maker: PageMaker) -> APIRouter:
    """Return the screen of the stops, and the forms on it."""
    router = APIRouter(include_in_schema=False)

    @router.get(STOP.path)
    async def show(request: Request) -> Response:
        viewer = await maker.viewer(request, STOP)
        done = request.query_params.get("done", "")
        at = maker.keeper.provider
        values = {"done": done if done.isdecimal() else "", "typed": TYPED, "provider": at.config.name if at else ""}
        return await maker.show(request, STOP, viewer, await maker.moment(request, STOP), values)

    @router.post("/stop/{how}")
    async def act(request: Request, how: user_acts.Stop) -> Response:
        form = await read_form(request)
        if how == "halt":
            opened = await maker.keeper.confirmed_actor(request, csrf=form.csrf)
        else:
            opened = await maker.actor(request, form)
        reason = form.needed("reason", REASON_CHARACTERS_MAX)
        if how == "halt" and form.get("typed", "").strip() != TYPED:
            raise Invalid(f"The word {TYPED} was not typed.", hint=f"Go back, and type {TYPED}.", code="not_typed")
        acted = await user_acts.stop(opened, form.key, how, reason)
        await maker.bar.settle(acted.seq)
        return RedirectResponse(f"{STOP.path}?done={acted.seq}", HTTPStatus.SEE_OTHER)

    return router
