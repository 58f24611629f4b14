"""The HTTP application: its routes, and every error as a problem."""

from collections.abc import Collection
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from bus.logger import SILENT, Logger
from director.http.acts import acts, incident_steps, sign_ins, stops
from director.http.chat_routes import chat_routes
from director.http.command_key import KEY_PARAMETER
from director.http.commands import Commands, commands
from director.http.director_acts import run_acts, staff_acts
from director.http.log_reads import log_reads
from director.http.oidc import oidc_routes
from director.http.pages.error_pages import error_page, page_of, wants_page
from director.http.pages.routes import pages
from director.http.problems import PROBLEMS, answer, problem, problem_of
from director.http.reads import reads, staff_reads
from director.http.screen_reads import event_reads, house_reads
from director.http.shield import Shield
from director.http.sign_in import Doorkeeper, refuse_other_sites
from director.http.stream import Pulse
from director.mcp.http_app import PATH as MCP_PATH
from director.mcp.http_app import McpApp
from domain.errors import AuraError

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")
WITHOUT_KEY = frozenset({"/api/chat"})
"""Routes that take a body and change nothing."""


def make_app(
    keeper: Doorkeeper,
    *,
    mcp: McpApp | None = None,
    hosts: Collection[str] = LOOPBACK_HOSTS,
    log: Logger = SILENT,
    known: Commands | None = None,
) -> ASGIApp:
    """Return the application. `/openapi.json` describes it.

    `mcp`: the application at /mcp, if it is served. `known`: the commands of the command line.
    """
    app = FastAPI(title="Aura Orchestra", version="1", docs_url=None, redoc_url=None, responses=PROBLEMS)
    pulse = Pulse(keeper.office.store)
    reading = (reads(keeper), staff_reads(keeper), log_reads(keeper, pulse), event_reads(keeper), house_reads(keeper))
    acting = (acts(keeper), incident_steps(keeper), stops(keeper), run_acts(keeper), staff_acts(keeper))
    doors = (sign_ins(keeper), oidc_routes(keeper))
    for routes in (*doors, *reading, *acting, chat_routes(keeper), *pages(keeper, pulse)):
        app.include_router(routes)
    if mcp is not None:
        app.router.routes.append(Route(MCP_PATH, mcp))
    if known is not None:
        app.include_router(commands(keeper, known))

    @app.get("/healthz")
    async def healthz() -> Response:
        """Tell that this process answers. Nobody needs to be signed in."""
        return answer({"ok": True})

    _answer_errors(app, log)
    _describe(app)
    return Shield(app, hosts, own_bodies=[MCP_PATH])  # its errors have the form of its protocol


def _describe(app: FastAPI) -> None:
    """Describe the errors of each route as problems, and the key of each command. FastAPI's own error is never sent."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            for path, methods in described()["paths"].items():
                for method, route in methods.items():
                    route["responses"].pop("422", None)
                    if method == "post" and path.startswith("/api/") and path not in WITHOUT_KEY:
                        route.setdefault("parameters", []).append(KEY_PARAMETER)
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _answer_errors(app: FastAPI, log: Logger) -> None:
    """Answer each error as a page or as a problem."""

    @app.exception_handler(AuraError)
    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, AuraError)
        return error_page(request, error) if wants_page(request) else problem(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        message = f"The request is not valid: {wrong}."
        if wants_page(request):
            return page_of(request, HTTPStatus.BAD_REQUEST, "invalid", message)
        return problem_of(HTTPStatus.BAD_REQUEST, "invalid", message, "See /openapi.json")

    @app.exception_handler(HTTPException)
    async def no_route(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        if wants_page(request):
            return page_of(request, status, status.name.lower(), f"{status.phrase}.")
        headers = {"Allow": error.headers["Allow"]} if error.headers and "Allow" in error.headers else {}
        return problem_of(status, status.name.lower(), f"{status.phrase}.", "See /openapi.json", headers)

    @app.exception_handler(Exception)
    async def defect(request: Request, error: Exception) -> Response:
        log.error("defect", error=type(error).__name__, path=request.scope.get("path", ""))
        if wants_page(request):
            return page_of(request, HTTPStatus.INTERNAL_SERVER_ERROR, "defect", "This is a defect of Aura.")
        return problem_of(HTTPStatus.INTERNAL_SERVER_ERROR, "defect", "This is a defect of Aura.", "Its log names it.")


def make_mcp(keeper: Doorkeeper, log: Logger = SILENT) -> McpApp:
    """Return the application at /mcp. Its refusals are problems like those of all routes."""
    status = HTTPStatus.METHOD_NOT_ALLOWED
    other_method = problem_of(
        status, status.name.lower(), f"{status.phrase}.", f"Send POST to {MCP_PATH}.", {"Allow": "POST"}
    )
    return McpApp(keeper.callers, check=refuse_other_sites, refuse=problem, other_method=other_method, log=log)
