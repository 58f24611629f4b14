"""The pages that sign in and out. They work without scripts."""

from http import HTTPStatus
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from director.http.pages.forms import check_form_secret, form_secret, keep_form_secret, read_form
from director.http.pages.page_maker import theme_of
from director.http.pages.rendering import html, new_nonce
from director.http.problems import headers_of, status_of
from director.http.sign_in import Doorkeeper
from director.oidc.config import START
from domain.errors import AuraError, Invalid
from governance.credentials import csrf_of

SIGN_IN = "/sign-in"
NAME_CHARACTERS_MAX = 64
PASSWORD_CHARACTERS_MAX = 1024


def sign_in_pages(keeper: Doorkeeper) -> APIRouter:
    """Return the pages that sign in and out."""
    router = APIRouter(include_in_schema=False)

    @router.get(SIGN_IN)
    async def form(request: Request, to: str = "/") -> Response:
        return sign_in_page(keeper, request, to)

    @router.post(SIGN_IN)
    async def sign_in(request: Request) -> Response:
        sent = await read_form(request)
        to = local(sent.get("to", "/"))
        try:
            check_form_secret(request, sent)
            name = sent.needed("name", NAME_CHARACTERS_MAX)
            password = sent.needed("password", PASSWORD_CHARACTERS_MAX, exact=True)
            secret = await keeper.by_password(request, name, password)
        except AuraError as error:
            return sign_in_page(keeper, request, to, error, sent.get("name", "")[:NAME_CHARACTERS_MAX])
        response = RedirectResponse(to, HTTPStatus.SEE_OTHER)
        keeper.keep(response, secret)
        return response

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        who = await keeper.who(request, csrf=(await read_form(request)).csrf)
        if who.scopes is not None:
            raise Invalid("A token cannot sign out.", hint="Revoke it: aura token revoke ID")
        await keeper.credentials.end_session(who.id)
        response = RedirectResponse(SIGN_IN, HTTPStatus.SEE_OTHER)
        keeper.drop(response)
        return response

    return router


def local(path: str) -> str:
    """Return an address of this server to which a person returns after the sign-in. Any other address becomes `/`."""
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"


def sign_in_page(
    keeper: Doorkeeper, request: Request, to: str, error: AuraError | None = None, name: str = ""
) -> Response:
    """Return the page with the form, and with the error of the last attempt."""
    secret = form_secret(request)
    values = {
        "theme": theme_of(request),
        "csrf": csrf_of(secret),
        "to": local(to),
        "error": error,
        "name": name,
        "provider": keeper.provider.config.name if keeper.provider is not None else "",
        "start": f"{START}?to={quote(local(to), safe='')}",
    }
    status = status_of(error) if error is not None else HTTPStatus.OK
    response = html("sign_in.html", new_nonce(), values, status)
    response.headers.update(headers_of(error) if error is not None else {})
    keep_form_secret(response, secret, secure=keeper.secure)
    return response
