"""Sign-in at the HTTP API: sessions in a cookie, tokens in a header, and the checks against forged requests."""

import hmac
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from bus.clock import now
from director.http.shield import host_of
from director.oidc.provider import Provider
from director.services.callers import Callers
from director.services.session import DirectorSession
from director.settings import Settings
from domain.errors import Forbidden, Invalid, TooMany, Unauthenticated
from domain.user import UserState, user_id
from governance.credentials import ABSOLUTE_US, CONFIRMED_US, SECOND_US, SignedIn, csrf_of
from governance.log_session import LogSession

COOKIE, SECURE_COOKIE = "aura_session", "__Host-aura_session"
CSRF_HEADER = "X-CSRF-Token"
SIGN_INS_MAX = 10
SIGN_IN_WINDOW_S = 300
NAMES_COUNTED_MAX = 10_000
_SAFE = frozenset({"GET", "HEAD"})


class SignInLimit:
    """Counts the refused sign-ins of each address and of each name. It forgets the oldest of too many names.

    An attempt counts as refused from its beginning, so that many attempts at the same time are not more than the limit.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._refused: OrderedDict[str, deque[float]] = OrderedDict()

    @contextmanager
    def attempt(self, *keys: str) -> Iterator[None]:
        """Count an attempt that ends with Forbidden or Unauthenticated.

        Raises TooMany if one of the keys had SIGN_INS_MAX of them within SIGN_IN_WINDOW_S.
        """
        self._begin(keys)
        try:
            yield
        except (Forbidden, Unauthenticated):
            raise
        except BaseException:
            self._take_back(keys)
            raise
        self._take_back(keys)

    def _begin(self, keys: Sequence[str]) -> None:
        for key in keys:
            times = self._refused.get(key, deque())
            while times and times[0] <= self._clock() - SIGN_IN_WINDOW_S:
                times.popleft()
            if len(times) >= SIGN_INS_MAX:
                raise TooMany(
                    "There were too many refused sign-ins.",
                    hint=f"Wait {SIGN_IN_WINDOW_S // 60} minutes.",
                    code="too_many_sign_ins",
                    retry_s=SIGN_IN_WINDOW_S,
                )
        for key in keys:
            self._refused.setdefault(key, deque(maxlen=SIGN_INS_MAX)).append(self._clock())
            self._refused.move_to_end(key)
        while len(self._refused) > NAMES_COUNTED_MAX:
            self._refused.popitem(last=False)

    def _take_back(self, keys: Sequence[str]) -> None:
        for key in keys:
            if self._refused.get(key):
                self._refused[key].pop()


class Doorkeeper:
    """Finds out who sends a request, and signs people in and out. It has no key of the Director."""

    def __init__(
        self,
        settings: Settings,
        office: LogSession,
        *,
        secure: bool,
        limit: SignInLimit | None = None,
        provider: Provider | None = None,
    ) -> None:
        """`provider`: the OpenID provider at which people may sign in, if one is configured."""
        self.settings = settings
        self.callers = Callers(settings, office)
        self.office = office
        self.credentials = self.callers.credentials
        self.limit = limit or SignInLimit()
        self.provider = provider
        self.secure = secure
        self._cookie = SECURE_COOKIE if secure else COOKIE

    async def who(self, request: Request, *, csrf: str | None = None) -> SignedIn:
        """Return who sends a request. A changing request of a session needs its CSRF token. Raises Unauthenticated.

        csrf: the token in the field of a form; None: the token is in the header.
        """
        header = request.headers.get("authorization", "")
        if header:
            return await self.callers.by_bearer(header)
        secret = request.cookies.get(self._cookie, "")
        session = await self.credentials.session(secret) if secret else None
        if session is None:
            raise Unauthenticated("Nobody is signed in.", hint="Sign in, or send a token: Authorization: Bearer TOKEN")
        if request.method not in _SAFE:
            refuse_other_sites(request)
            sent = request.headers.get(CSRF_HEADER, "") if csrf is None else csrf
            if not hmac.compare_digest(sent.encode(), csrf_of(secret).encode()):
                if csrf is not None:
                    raise Forbidden("The form is not of this session.", hint="Open the page again.", code="csrf")
                raise Forbidden(
                    f"The header {CSRF_HEADER} is missing or wrong.", hint="GET /api/me returns it.", code="csrf"
                )
        return session

    async def reader(self, request: Request, *, csrf: str | None = None) -> SignedIn:
        """Return who sends a request, if this person may read. Raises Unauthenticated, Forbidden.

        csrf: as for `who`.
        """
        who = await self.who(request, csrf=csrf)
        await self.callers.reader(who)
        return who

    async def actor(self, request: Request, *, csrf: str | None = None) -> DirectorSession:
        """Return the session in which the signed-in person sends commands. The gate checks the person's roles.

        csrf: as for `who`.
        """
        return self.callers.session(await self.who(request, csrf=csrf))

    async def confirmed_actor(self, request: Request, *, csrf: str | None = None) -> DirectorSession:
        """Return the session of a person who gave the password, or used a link, within the last minutes.

        A token cannot give a password. The gate demands a scope of its own for these commands (user_rights.py).
        Raises Forbidden (code not_confirmed).
        """
        who = await self.who(request, csrf=csrf)
        if who.scopes is None and not is_confirmed(who, now()):
            raise Forbidden(
                f"This act needs your password again, at most {CONFIRMED_US // SECOND_US // 60} minutes before.",
                hint="On a page: sign in again. A program sends it to POST /auth/confirm. Then send the act again."
                + (" With your provider: open /auth/oidc/confirm." if self.provider else ""),
                code="not_confirmed",
            )
        return self.callers.session(who)

    async def confirm(self, request: Request, password: str) -> str:
        """Return the secret of a new session for a signed-in person who gives the password again. The old one ends.

        Raises Invalid for a token, Forbidden for a wrong password, and TooMany.
        """
        who = await self.who(request)
        if who.scopes is not None:
            raise Invalid("A token has no password.", hint="Make a token with the scope halt or override.")
        keys = (address_key(request), f"confirm {who.user}")
        with self.limit.attempt(*keys):
            if not await self.credentials.check_password(who.user, password):
                await self.credentials.count_failure("confirm")
                raise Forbidden(
                    "The password is wrong.", hint="Without a password, sign in with: aura open", code="wrong_password"
                )
        await self.credentials.end_session(who.id)
        return await self.credentials.begin_session(who.user)

    async def state(self, who: SignedIn) -> UserState:
        return await self.callers.state(who)

    async def still_reads(self, who: SignedIn) -> bool:
        """Return whether a session or token is still open, and its user may still read."""
        return await self.callers.still_reads(who)

    async def by_password(self, request: Request, name: str, password: str) -> str:
        """Return the secret of a new session. The answer does not tell whether the name or the password is wrong.

        Raises Forbidden, Unauthenticated, TooMany.
        """
        refuse_other_sites(request)
        keys = (address_key(request), f"name {name}")
        with self.limit.attempt(*keys):
            user = user_id(name)
            right = await self.credentials.check_password(user, password)
            if not right or not (await self.office.people.state(user)).acting:
                await self.credentials.count_failure("password")
                raise Unauthenticated(
                    "The name or the password is wrong, or the user is disabled.", hint="Ask a director: aura user list"
                )
        return await self._renewed_session(request, user)

    async def by_link(self, request: Request, link: str) -> str:
        """Return the secret of a new session for a one-time link. Raises Forbidden, TooMany."""
        key = address_key(request)
        with self.limit.attempt(key):
            try:
                user = await self.credentials.use_link(link)
            except Forbidden:
                await self.credentials.count_failure("link")
                raise
        return await self._renewed_session(request, user)

    async def _renewed_session(self, request: Request, user: UUID) -> str:
        """Return the secret of a new session. The session that the browser had before ends."""
        former = await self.credentials.session(request.cookies.get(self._cookie, ""))
        if former is not None:
            await self.credentials.end_session(former.id)
        return await self.credentials.begin_session(user)

    def csrf(self, request: Request) -> str | None:
        """Return the CSRF token of the request's session; None for a token."""
        secret = request.cookies.get(self._cookie, "")
        return csrf_of(secret) if secret and "authorization" not in request.headers else None

    def keep(self, response: Response, secret: str) -> None:
        """Put a session into the cookie."""
        response.set_cookie(
            self._cookie,
            secret,
            max_age=ABSOLUTE_US // SECOND_US,
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="strict",
        )

    def drop(self, response: Response) -> None:
        """End the session in the browser, with everything that it has stored."""
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        response.delete_cookie(self._cookie, path="/", secure=self.secure, httponly=True, samesite="strict")


def is_confirmed(who: SignedIn, at: int) -> bool:
    """Return whether the person of a session gave the password, or used a link, within CONFIRMED_US."""
    return who.scopes is None and 0 <= at - who.authenticated_at <= CONFIRMED_US


def address_key(request: Request) -> str:
    """Return the key under which the refused sign-ins of an address are counted."""
    return f"address {request.client.host if request.client else ''}"


def refuse_other_sites(request: Request) -> None:
    """Refuse a request that a page of another site sends. Raises Forbidden."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    same = origin is None or origin.partition("://")[2] == request.headers.get("host", "")
    if site not in ("same-origin", "none") or not same or not host_of(request.headers.get("host", "")):
        raise Forbidden("Another site sent this request.", hint="Use the address of Aura itself.", code="other_site")
