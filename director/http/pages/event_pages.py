"""The screens Events and Event: the newest events with filters, and one event with causes, effects and raw bytes."""

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from bus.store import FAR
from director.http.pages.page_maker import Linker, PageMaker
from director.http.pages.screens import EVENT, EVENTS
from director.services.event_browser import USER, BrowseWanted, browse, stored_event
from director.services.importance import LEVELS
from director.services.near_causes import explain_near
from director.services.session import find_event
from governance.authority import ROLES

SHOWN = 100
PAYLOAD_CHARACTERS_MAX = 40_000


def event_pages(maker: PageMaker) -> APIRouter:
    """Return the list of events, and the page of one event."""
    router = APIRouter(include_in_schema=False)

    @router.get(EVENTS.path)
    async def events(
        request: Request,
        before: int = 0,
        importance: str = "normal",
        type: str = "",
        run: str = "",
        entity: str = "",
        role: str = "",
    ) -> Response:
        viewer, moment = await maker.viewer(request, EVENTS), await maker.moment(request, EVENTS)
        filters = {"importance": importance, "run": run.strip(), "entity": entity.strip(), "role": role}
        wanted = BrowseWanted(before=before if before > 0 else FAR, kind=type.strip(), limit=SHOWN, **filters)
        page = await browse(maker.store_of(moment), wanted)
        older = Linker(moment)(EVENTS.path, before=page.next, type=wanted.kind, **filters)
        values = {"page": page, "wanted": wanted, "older": older, "levels": LEVELS, "roles": (*ROLES, USER)}
        return await maker.show(request, EVENTS, viewer, moment, values)

    @router.get(EVENT.path)
    async def event(request: Request, event: str) -> Response:
        viewer, moment = await maker.viewer(request, EVENT), await maker.moment(request, EVENT)
        store = maker.store_of(moment)
        kept = await stored_event(store, event)
        text = msgspec.json.format(msgspec.json.encode(kept.event.payload, enc_hook=str), indent=2).decode()
        values = {
            "kept": kept,
            "explained": await explain_near(store, await find_event(store, event)),
            "payload": shortened(text),
            "title": f"Event {kept.event.seq}",
        }
        return await maker.show(request, EVENT, viewer, moment, values)

    return router


def shortened(text: str) -> str:
    """Return a text of at most PAYLOAD_CHARACTERS_MAX characters, and how many characters were left out."""
    left_out = len(text) - PAYLOAD_CHARACTERS_MAX
    if left_out <= 0:
        return text
    return f"{text[:PAYLOAD_CHARACTERS_MAX]}\n… {left_out:,} more characters: /api/events/ has the whole payload"
