"""Sign-in at an OpenID provider: the way of the browser there and back, and the session that follows."""

from http import HTTPStatus
from shlex import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from bus.clock import now
from director.http.pages.page_maker import theme_of
from director.http.pages.rendering import html, new_nonce
from director.http.pages.sign_in_pages import local, sign_in_page
from director.http.sign_in import Doorkeeper, address_key, refuse_other_sites
from director.oidc.attempt import ATTEMPT_S, Attempt, begin, begun
from director.oidc.config import CALLBACK, START
from director.oidc.id_token import HINT, Claims
from director.oidc.provider import Provider
from domain.errors import AuraError, Forbidden, Invalid, NotFound, Unauthenticated
from domain.identity import Identity
from governance.credentials import SECOND_US

COOKIE, SECURE_COOKIE = "aura_oidc", "__Host-aura_oidc"
CONFIRM = f"{START}/confirm"
CODE_CHARACTERS_MAX = 4096
KNOWN_ERRORS = {
    "access_denied": "The sign-in was refused or cancelled at the provider.",
    "login_required": "The provider did not ask the person to sign in.",
    "temporarily_unavailable": "The provider is not available now.",
}
"""Error of the provider -> our sentence. Text of the provider is not shown."""


def oidc_routes(keeper: Doorkeeper) -> APIRouter:
    """Return the routes of the sign-in at the provider. They answer 404 if none is configured."""
    router = APIRouter(include_in_schema=False)

    @router.get(START)
    async def start(request: Request, to: str = "/") -> Response:
        try:
            provider = _provider(keeper)
            refuse_other_sites(request)
            return await _leave(keeper, provider, begin(now() // SECOND_US, local(to)))
        except AuraError as error:
            return sign_in_page(keeper, request, to, error)

    @router.get(CONFIRM)
    async def confirm(request: Request, to: str = "/") -> Response:
        try:
            provider = _provider(keeper)
            who = await keeper.who(request)
            if who.scopes is not None:
                raise Invalid("A token cannot sign in.", hint="Make a token with the scope halt or override.")
            refuse_other_sites(request)
            return await _leave(keeper, provider, begin(now() // SECOND_US, local(to), who.id))
        except AuraError as error:
            return sign_in_page(keeper, request, to, error)

    @router.get(CALLBACK)
    async def callback(request: Request) -> Response:
        try:
            provider = _provider(keeper)
            secret, to = await Arrival(keeper, provider, request).session()
        except AuraError as error:
            response = sign_in_page(keeper, request, "/", error)
        else:
            values = {"theme": theme_of(request), "to": to}
            response = html("signed_in.html", new_nonce(), values)  # a redirect would not send the strict cookie
            keeper.keep(response, secret)
        _set(keeper, response, "", 0)
        return response

    return router


class Arrival:
    """The return of a browser from the provider."""

    def __init__(self, keeper: Doorkeeper, provider: Provider, request: Request) -> None:
        self._keeper = keeper
        self._provider = provider
        self._request = request

    async def session(self) -> tuple[str, str]:
        """Return the secret of a new session, and the page to which the person returns.

        Raises Unauthenticated, Forbidden, TooMany, Unavailable.
        """
        with self._keeper.limit.attempt(address_key(self._request)):
            try:
                return await self._accepted()
            except (Forbidden, Unauthenticated):
                await self._keeper.credentials.count_failure("oidc")
                raise

    async def _accepted(self) -> tuple[str, str]:
        query, at = self._request.query_params, now() // SECOND_US
        cookie = self._request.cookies.get(SECURE_COOKIE if self._keeper.secure else COOKIE, "")
        attempt = begun(cookie, query.get("state", ""), at)
        sender = query.get("iss")
        demanded = (await self._provider.document()).authorization_response_iss_parameter_supported
        if (sender is not None or demanded) and sender != self._provider.config.issuer:
            raise Unauthenticated("The answer is of another provider.", hint=HINT, code="issuer")
        if "error" in query:
            said = KNOWN_ERRORS.get(query["error"], "The provider answered with an error.")
            raise Unauthenticated(said, hint=HINT, code="provider_refused")
        code = query.get("code", "")
        if not 0 < len(code) <= CODE_CHARACTERS_MAX:
            raise Unauthenticated("The answer of the provider has no code.", hint=HINT, code="code")
        claims = await self._provider.claims(code, attempt, at)
        if not await self._keeper.credentials.use_nonce(attempt.nonce):
            raise Unauthenticated("This answer of the provider was used already.", hint=HINT, code="code")
        return await self._begin(attempt, claims), local(attempt.to)

    async def _begin(self, attempt: Attempt, claims: Claims) -> str:
        """Return the secret of a session of the user that has this identity."""
        user = await self._keeper.office.people.of_identity(Identity(claims.iss, claims.sub))
        if user is None:
            raise Forbidden(
                f"No active user has the identity {claims.sub} of {self._provider.config.name}.",
                hint=f"Ask a director: aura user link NAME --issuer {claims.iss} --subject {quote(claims.sub)}",
                code="unknown_identity",
            )
        credentials = self._keeper.credentials
        if attempt.confirms is not None and not await credentials.end_session_of(attempt.confirms, user):
            raise Forbidden("Another person signed in, or the session has ended.", hint="Sign in again.", code="other")
        at = now()
        signed_in_at = min(int((claims.auth_time or 0) * SECOND_US), at)
        return await credentials.begin_session(user, authenticated_at=max(signed_in_at, 0))


async def _leave(keeper: Doorkeeper, provider: Provider, attempt: Attempt) -> Response:
    """Send the browser to the provider."""
    response = RedirectResponse(await provider.sign_in_url(attempt), HTTPStatus.SEE_OTHER)
    _set(keeper, response, attempt.cookie, ATTEMPT_S)
    return response


def _set(keeper: Doorkeeper, response: Response, value: str, age_s: int) -> None:
    """Keep the sign-in in a cookie; an age of 0 drops it. Lax: the browser comes back from another site."""
    name = SECURE_COOKIE if keeper.secure else COOKIE
    response.set_cookie(name, value, age_s, path="/", secure=keeper.secure, httponly=True, samesite="lax")


def _provider(keeper: Doorkeeper) -> Provider:
    if keeper.provider is None:
        raise NotFound(
            "No OpenID provider is configured.", hint="Sign in with a password. docs/openid.md describes it."
        )
    return keeper.provider
