"""The routes that sign in, sign out and send commands. The gate decides what the person may do.

Each command needs the header Idempotency-Key with a UUID: the id of the command. The same id gives the same answer.
"""

from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from director.http import bodies
from director.http.command_key import key_of
from director.http.problems import answer
from director.http.sign_in import Doorkeeper
from director.services import user_acts
from director.services.incident_acts import incident_step
from director.services.incidents import Step
from director.services.session import find_incident, find_run
from domain.errors import Invalid
from governance.credentials import csrf_of


def sign_ins(keeper: Doorkeeper) -> APIRouter:
    """Return the routes that sign in and out, and tell who is signed in."""
    router = APIRouter()

    @router.post("/auth/sign-in")
    async def sign_in(request: Request, body: bodies.SignIn) -> Response:
        secret = await keeper.by_password(request, body.name, body.password)
        response = answer({"signed_in": True})
        keeper.keep(response, secret)
        return response

    @router.get("/auth/link/{link}", status_code=HTTPStatus.SEE_OTHER, response_class=RedirectResponse)
    async def link(request: Request, link: str) -> Response:
        secret = await keeper.by_link(request, link)
        response = RedirectResponse("/", HTTPStatus.SEE_OTHER)
        keeper.keep(response, secret)
        return response

    @router.post("/auth/confirm")
    async def confirm(request: Request, body: bodies.Password) -> Response:
        secret = await keeper.confirm(request, body.password)
        response = answer({"confirmed": True, "csrf": csrf_of(secret)})
        keeper.keep(response, secret)
        return response

    @router.post("/auth/sign-out")
    async def sign_out(request: Request) -> Response:
        who = await keeper.who(request)
        if who.scopes is not None:
            raise Invalid("A token cannot sign out.", hint="Revoke it: aura token revoke ID")
        await keeper.credentials.end_session(who.id)
        response = answer({"signed_in": False})
        keeper.drop(response)
        return response

    @router.get("/api/me")
    async def me(request: Request) -> Response:
        who = await keeper.who(request)
        state = await keeper.state(who)
        return answer(
            {
                "user": who.user,
                "name": state.name,
                "roles": state.acting,
                "scopes": who.scopes,
                "csrf": keeper.csrf(request),
            }
        )

    return router


def acts(keeper: Doorkeeper) -> APIRouter:
    """Return the routes that send commands about runs."""
    router = APIRouter(prefix="/api")

    @router.post("/runs", status_code=HTTPStatus.CREATED)
    async def submit(request: Request, body: bodies.Request) -> Response:
        opened = await keeper.actor(request)
        asked = user_acts.Asked(requirement=body.requirement, sealed=body.sealed, attempts_max=body.attempts_max)
        return answer(await user_acts.submit_text(opened, key_of(request), asked), HTTPStatus.CREATED)

    @router.post("/runs/{run}/approve")
    async def approve(request: Request, run: str, body: bodies.Approval) -> Response:
        opened = await keeper.actor(request)
        found = await find_run(opened.store, run)
        return answer(await user_acts.approve(opened, key_of(request), found, body.commit, body.reason))

    @router.post("/runs/{run}/reject")
    async def reject(request: Request, run: str, body: bodies.Reason) -> Response:
        opened = await keeper.actor(request)
        found = await find_run(opened.store, run)
        return answer(await user_acts.end(opened, key_of(request), found, "declined", body.reason))

    @router.post("/runs/{run}/cancel")
    async def cancel(request: Request, run: str, body: bodies.Reason) -> Response:
        opened = await keeper.actor(request)
        found = await find_run(opened.store, run)
        return answer(await user_acts.end(opened, key_of(request), found, "cancelled", body.reason))

    return router


def incident_steps(keeper: Doorkeeper) -> APIRouter:
    """Return the route that takes the next step of an incident."""
    router = APIRouter(prefix="/api")

    @router.post("/incidents/{incident}/{step}")
    async def step(request: Request, incident: str, step: Step, body: bodies.Reason) -> Response:
        opened = await keeper.actor(request)
        found = await find_incident(opened.store, incident)
        return answer(await incident_step(opened, key_of(request), found, step, body.reason))

    return router


def stops(keeper: Doorkeeper) -> APIRouter:
    """Return the routes that stop the organisation and let it go on."""
    router = APIRouter(prefix="/api")

    @router.post("/organisation/pause")
    async def pause(request: Request, body: bodies.Reason) -> Response:
        opened = await keeper.actor(request)
        return answer(await user_acts.stop(opened, key_of(request), "pause", body.reason))

    @router.post("/organisation/halt")
    async def halt(request: Request, body: bodies.Reason) -> Response:
        opened = await keeper.confirmed_actor(request)
        return answer(await user_acts.stop(opened, key_of(request), "halt", body.reason))

    @router.post("/organisation/resume")
    async def resume(request: Request, body: bodies.Reason) -> Response:
        opened = await keeper.actor(request)
        return answer(await user_acts.stop(opened, key_of(request), "resume", body.reason))

    return router
