"""The screens Intervention and Incident: incidents with their evidence, their next steps, and past acts of people."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from bus.store import FAR
from director.http.bodies import REASON_CHARACTERS_MAX
from director.http.pages.forms import read_form
from director.http.pages.page_maker import PageMaker
from director.http.pages.screens import INCIDENT, INTERVENTION
from director.http.reads import id_of
from director.services.incident_acts import STEPS, incident_step
from director.services.incidents import Wanted, incident_story, incidents_page, steps_after
from director.services.past_acts import past_acts
from director.services.session import find_incident
from domain.errors import Invalid

ALL = "all"
ACTS_SHOWN = 25
WORDS = {"acknowledge": "Acknowledge", "work": "Work on it", "close": "Close"}


def intervention_pages(maker: PageMaker) -> APIRouter:
    """Return the list of incidents, one incident, and the form of its next step."""
    router = APIRouter(include_in_schema=False)

    @router.get(INTERVENTION.path)
    async def show(
        request: Request, state: str = "unclosed", after: str = "", acts_before: int = 0, done: str = ""
    ) -> Response:
        viewer, moment = await maker.viewer(request, INTERVENTION), await maker.moment(request, INTERVENTION)
        store = maker.store_of(moment)
        wanted = Wanted(state="" if state == ALL else state)
        values = {
            "page": await incidents_page(store, wanted, id_of(after)),
            "acts": await past_acts(store, acts_before or FAR, ACTS_SHOWN),
            "state": state,
            "done": done if done.isdecimal() else "",
        }
        return await maker.show(request, INTERVENTION, viewer, moment, values)

    @router.get(INCIDENT.path)
    async def one(request: Request, incident: str) -> Response:
        viewer, moment = await maker.viewer(request, INCIDENT), await maker.moment(request, INCIDENT)
        story = await incident_story(maker.store_of(moment), incident)
        may = not moment.past and viewer.may("incident.acknowledged")
        steps = [(step, WORDS[step]) for step in steps_after(story.line.phase)] if may else []
        return await maker.show(request, INCIDENT, viewer, moment, {"story": story, "steps": steps})

    @router.post(INCIDENT.path)
    async def act(request: Request, incident: str) -> Response:
        form = await read_form(request)
        opened = await maker.actor(request, form)
        reason = form.needed("reason", REASON_CHARACTERS_MAX)
        step = next((each for each in STEPS if each == form.get("step", "")), None)
        if step is None:
            raise Invalid("The form names no step.", hint="Go back, and choose a step.")
        acted = await incident_step(opened, form.key, await find_incident(opened.store, incident), step, reason)
        return RedirectResponse(f"{INTERVENTION.path}?done={acted.seq}", HTTPStatus.SEE_OTHER)

    return router
