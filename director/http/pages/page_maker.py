"""The common part of all pages: who reads, as of which event, and the frame around the screen."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bus.store import Store
from director.http.pages.forms import Form
from director.http.pages.rendering import html, new_nonce
from director.http.pages.screens import INBOX_PATH, Screen, menu
from director.http.sign_in import Doorkeeper
from director.services.moment import sequence_in
from director.services.session import DirectorSession, new_id
from director.services.top_bar import TopBarReader
from domain.errors import Forbidden, Invalid, NotFound
from domain.message import derive
from governance.credentials import SignedIn
from governance.user_rights import SCOPE_MATRIX, USER_MATRIX

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "aura_theme"
AS_OF = "as_of"
FRAGMENT_HEADER = "HX-Request"


class Viewer(msgspec.Struct, frozen=True, kw_only=True):
    """The person who reads a page. `rights`: the events that this person may cause, with this session or token."""

    who: SignedIn
    name: str
    roles: tuple[str, ...]
    rights: frozenset[str]
    csrf: str

    def may(self, event: str) -> bool:
        return event in self.rights


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """The position of the log that a page shows. `seq` None: the present. `last`: the last recorded event.

    `at`: the time of event `seq` in microseconds UTC.
    """

    seq: int | None
    last: int
    at: int = 0

    @property
    def past(self) -> bool:
        return self.seq is not None


class PageMaker:
    """Makes the pages of all screens. Each route asks it for the viewer and the moment, and then shows the screen."""

    def __init__(self, keeper: Doorkeeper) -> None:
        self.keeper = keeper
        self.store = keeper.office.store
        self.settings = keeper.settings
        self.bar = TopBarReader(self.store, keeper.office.stream, keeper.settings)

    async def viewer(self, request: Request, screen: Screen) -> Viewer:
        """Return the person who opens a screen. Raises Unauthenticated, and Forbidden without the screen's right."""
        return await self._admitted(request, screen, await self.keeper.reader(request))

    async def _admitted(self, request: Request, screen: Screen, who: SignedIn) -> Viewer:
        viewer = await self._viewer(request, who)
        if not screen.open_to(viewer.rights):
            raise Forbidden(
                f"The screen {screen.title} needs the right to cause {screen.right}.",
                hint="Ask a director for the role: aura user role NAME --grant ROLE --reason TEXT",
            )
        return viewer

    async def viewer_of_form(self, request: Request, screen: Screen, form: Form) -> Viewer:
        """Return the person who sends a form that only asks. Raises as `viewer` does, and for a foreign form."""
        return await self._admitted(request, screen, await self.keeper.reader(request, csrf=form.csrf))

    async def actor(self, request: Request, form: Form) -> DirectorSession:
        """Return the session in which the sender of a form acts. Raises Unauthenticated, Forbidden."""
        return await self.keeper.actor(request, csrf=form.csrf)

    async def known(self, key: UUID) -> bool:
        """Return whether the command of a form is on record already, so that the form was sent twice."""
        return await self.store.find(derive(key, 0)) is not None

    async def moment(self, request: Request, screen: Screen) -> Moment:
        """Return the position that the address names with `as_of`, if the screen has earlier states.

        Raises Invalid, NotFound.
        """
        last, text = await self.store.recorded_up_to(), request.query_params.get(AS_OF, "")
        if not text or not screen.as_of:
            return Moment(seq=None, last=last)
        seq = sequence_in(text)
        if not seq:
            raise Invalid("There is no event 0.", hint="Write a number from 1: ?as_of=120")
        page = await self.store.read(seq - 1, seq, 1)
        if not page:
            raise NotFound(f"The log ends at event {last}, before event {seq}.", hint=f"Write ?as_of={last}.")
        return Moment(seq=seq, last=last, at=page[0].envelope.occurred_at)

    def store_of(self, moment: Moment) -> Store:
        """Return the store as of the position that a page shows."""
        return self.store if moment.seq is None else self.store.past(moment.seq)

    async def show(
        self,
        request: Request,
        screen: Screen,
        viewer: Viewer,
        moment: Moment,
        values: Mapping[str, Any],
        status: HTTPStatus = HTTPStatus.OK,
    ) -> Response:
        """Return a screen. `values`: what its template uses besides the frame. They replace values of the frame."""
        frame = {
            "fragment": request.headers.get(FRAGMENT_HEADER, "") == "true",
            "screen": screen,
            "menu": menu(viewer.rights),
            "viewer": viewer,
            "moment": moment,
            "bar": await self.bar.read(),
            "theme": theme_of(request),
            "here": address(request),
            "path": request.url.path,
            "inbox_path": INBOX_PATH,
            "title": screen.title,
            "new_key": new_id,
            "link": Linker(moment),
            "live": "" if moment.past else live_address(moment.last, None),
        }
        return html(screen.template, new_nonce(), frame | dict(values), status)

    async def _viewer(self, request: Request, who: SignedIn) -> Viewer:
        state = await self.keeper.state(who)
        rights = frozenset().union(*(USER_MATRIX[role] for role in state.acting))
        if who.scopes is not None:
            rights &= frozenset().union(*(SCOPE_MATRIX[scope] for scope in who.scopes))  # type: ignore[index]  # scopes of the store are TokenScopes
        return Viewer(
            who=who, name=state.name, roles=tuple(state.acting), rights=rights, csrf=self.keeper.csrf(request) or ""
        )


class Linker:
    """Makes addresses inside the pages. In an earlier state, each address keeps the position."""

    def __init__(self, moment: Moment) -> None:
        self._seq = moment.seq

    def __call__(self, path: str, /, **query: object) -> str:
        """Return a path with its query. A value None or empty is left out; `as_of=None` returns to the present."""
        wanted = ({AS_OF: self._seq} | query) if self._seq is not None else query
        text = urlencode({name: str(value) for name, value in wanted.items() if value not in (None, "")})
        return f"{path}?{text}" if text else path


def theme_of(request: Request) -> str:
    theme = request.cookies.get(THEME_COOKIE, "auto")
    return theme if theme in THEMES else "auto"


def address(request: Request) -> str:
    """Return the path and query of a request."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def live_address(after: int, run: UUID | None) -> str:
    """Return the address of the page's stream. `run`: only changes of this run."""
    wanted: Mapping[str, object] = {"after": after} | ({"run": run} if run is not None else {})
    return f"/live?{urlencode(wanted)}"
