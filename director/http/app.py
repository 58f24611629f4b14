"""The HTTP application: its routes, and every error as a problem."""

from collections.abc import Collection
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from bus.logger import SILENT, Logger
from director.http.acts import acts, sign_ins, stops
from director.http.problems import problem, problem_of
from director.http.reads import log_reads, reads
from director.http.shield import Shield
from director.http.sign_in import Doorkeeper
from director.http.stream import Pulse
from domain.errors import AuraError

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


def make_app(keeper: Doorkeeper, *, hosts: Collection[str] = LOOPBACK_HOSTS, log: Logger = SILENT) -> ASGIApp:
    """Return the application. `/openapi.json` describes it."""
    app = FastAPI(title="Aura Orchestra", version="1", docs_url=None, redoc_url=None)
    app.include_router(sign_ins(keeper))
    for routes in (reads(keeper), log_reads(keeper, Pulse(keeper.office.store)), acts(keeper), stops(keeper)):
        app.include_router(routes)

    @app.exception_handler(AuraError)
    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, AuraError)
        return problem(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        return problem_of(HTTPStatus.BAD_REQUEST, "invalid", f"The request is not valid: {wrong}.", "See /openapi.json")

    @app.exception_handler(HTTPException)
    async def no_route(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        headers = {"Allow": error.headers["Allow"]} if error.headers and "Allow" in error.headers else {}
        return problem_of(status, status.name.lower(), f"{status.phrase}.", "See /openapi.json", headers)

    @app.exception_handler(Exception)
    async def defect(request: Request, error: Exception) -> Response:
        log.error("defect", error=type(error).__name__, path=request.scope.get("path", ""))
        return problem_of(HTTPStatus.INTERNAL_SERVER_ERROR, "defect", "This is a defect of Aura.", "Its log names it.")

    return Shield(app, hosts)
