"""The routes of the Director's acts on work and employees. The gate decides what the person may do.

An override and a halt need a fresh password. Each command needs the header Idempotency-Key, as in `acts.py`.
"""

from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import Response

from director.http import bodies
from director.http.command_key import key_of
from director.http.problems import answer
from director.http.sign_in import Doorkeeper
from director.services import person_acts
from director.services.comments import Remark
from director.services.override import OverrideRequest, override_run
from director.services.session import find_run


def run_acts(keeper: Doorkeeper) -> APIRouter:
    """Return the routes that comment on a run, return it, override it, repeat it and raise its budget."""
    router = APIRouter(prefix="/api/runs")

    @router.post("/{run}/return")
    async def return_run(request: Request, run: str, body: bodies.Return) -> Response:
        opened = await keeper.actor(request)
        remarks = [Remark(text=each.text, task=each.task) for each in body.comments]
        found = await find_run(opened.store, run)
        return answer(await person_acts.returned(opened, key_of(request), found, body.commit, remarks))

    @router.post("/{run}/comment")
    async def comment(request: Request, run: str, body: bodies.Comment) -> Response:
        opened = await keeper.actor(request)
        found = await find_run(opened.store, run)
        return answer(
            await person_acts.commented(opened, key_of(request), found, Remark(text=body.text, task=body.task))
        )

    @router.post("/{run}/override", status_code=HTTPStatus.CREATED)
    async def override(request: Request, run: str, body: bodies.Override) -> Response:
        opened = await keeper.confirmed_actor(request)
        wanted = OverrideRequest(run=await find_run(opened.store, run), **body.model_dump())
        return answer(await override_run(opened, wanted, id=key_of(request)), HTTPStatus.CREATED)

    @router.post("/{run}/again", status_code=HTTPStatus.CREATED)
    async def again(request: Request, run: str) -> Response:
        opened = await keeper.actor(request)
        found = await find_run(opened.store, run)
        return answer(await person_acts.asked_again(opened, key_of(request), found), HTTPStatus.CREATED)

    @router.post("/{run}/budget")
    async def raise_budget(request: Request, run: str, body: bodies.Raise) -> Response:
        opened = await keeper.actor(request)
        found = await find_run(opened.store, run)
        return answer(
            await person_acts.raised_budget(opened, key_of(request), found, body.amount(), body.task, body.reason)
        )

    return router


def staff_acts(keeper: Doorkeeper) -> APIRouter:
    """Return the routes that reinstate an employee and blacklist a version."""
    router = APIRouter(prefix="/api")

    @router.post("/employees/{employee}/reinstate")
    async def reinstate(request: Request, employee: str, body: bodies.Reason) -> Response:
        opened = await keeper.actor(request)
        return answer(await person_acts.reinstated(opened, key_of(request), employee, body.reason))

    @router.post("/organisation/blacklist")
    async def blacklist(request: Request, body: bodies.Blacklisting) -> Response:
        opened = await keeper.actor(request)
        return answer(await person_acts.blacklisted(opened, key_of(request), body.version, body.reason))

    return router
