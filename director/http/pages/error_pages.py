"""Errors as pages for browsers, with our codes and hints. Programs get problems instead."""

from http import HTTPStatus
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from director.http.pages.page_maker import FRAGMENT_HEADER, address, theme_of
from director.http.pages.rendering import html, new_nonce
from director.http.problems import status_of
from domain.errors import AuraError, Unauthenticated

PROGRAMS = ("/api/", "/auth/", "/openapi.json", "/live", "/static/")
"""Beginnings of the paths that programs use."""


def wants_page(request: Request) -> bool:
    """Return whether an error of a request is shown as a page."""
    path = request.url.path
    return not path.startswith(PROGRAMS) and "text/html" in request.headers.get("accept", "")


def error_page(request: Request, error: AuraError) -> Response:
    """Return an error as a page. A reader who is not signed in comes to the page that signs in."""
    if isinstance(error, Unauthenticated):
        back = address(request) if request.method == "GET" else "/"
        there = "/sign-in" if back == "/" else f"/sign-in?to={quote(back, safe='')}"
        if request.headers.get(FRAGMENT_HEADER, "") == "true":
            return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": there})
        return RedirectResponse(there, HTTPStatus.SEE_OTHER)
    return page_of(request, status_of(error), error.code, error.message, error.hint)


def page_of(request: Request, status: HTTPStatus, code: str, message: str, hint: str = "") -> Response:
    """Return an error page with its parts."""
    values = {
        "theme": theme_of(request),
        "status": status,
        "code": code,
        "message": message,
        "hint": hint,
        "stale": status == HTTPStatus.CONFLICT,
    }
    return html("error.html", new_nonce(), values, status)
