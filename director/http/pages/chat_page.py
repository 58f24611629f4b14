"""The screen of the chat with the manager: questions are answered, acts are drafted, and a person confirms a draft."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from bus.store import FAR
from director.http.pages.forms import read_form
from director.http.pages.page_maker import Moment, PageMaker, Viewer
from director.http.pages.screens import CHAT
from director.services.chat import confirm, messages, reply_to
from director.services.chat_grammar import FORMS, MESSAGE_CHARACTERS_MAX, Question, read_message
from director.services.times import SEQ_MAX
from domain.errors import AuraError, Invalid
from domain.message import derive

SAY_CHARACTERS_MAX = 500
DIGEST_CHARACTERS_MAX = 64
MESSAGES_SHOWN = 20
Say = Annotated[str, Query(max_length=SAY_CHARACTERS_MAX)]
Seq = Annotated[int, Query(ge=0, le=SEQ_MAX)]


def chat_page(maker: PageMaker) -> APIRouter:
    """Return the screen of the chat, and its two forms: send a message, and confirm a draft."""
    router = APIRouter(include_in_schema=False)
    screen = _Screen(maker)

    @router.get(CHAT.path)
    async def show(request: Request, say: Say = "", before: Seq = 0, done: str = "") -> Response:
        """Show the messages. `say`: a question to answer. An act in it is only written into the field."""
        viewer, moment = await maker.viewer(request, CHAT), await maker.moment(request, CHAT)
        values = {"done": done if done.isdecimal() else "", "before": before}
        return await screen.show(request, viewer, moment, say, values, ask=_is_question(say))

    @router.post(CHAT.path)
    async def send(request: Request) -> Response:
        form = await read_form(request)
        viewer, moment = await maker.viewer_of_form(request, CHAT, form), await maker.moment(request, CHAT)
        text = form.needed("text", MESSAGE_CHARACTERS_MAX)
        return await screen.show(request, viewer, moment, text, {"done": "", "before": 0}, ask=True)

    @router.post(f"{CHAT.path}/confirm")
    async def confirmed(request: Request) -> Response:
        form = await read_form(request)
        opened = await maker.actor(request, form)
        text, digest = form.needed("text", MESSAGE_CHARACTERS_MAX), form.needed("draft", DIGEST_CHARACTERS_MAX)
        acted = await confirm(opened, form.key, text, digest)
        message = await maker.store.find(derive(derive(form.key, "message"), 0))
        await maker.bar.settle(acted.seq)
        return RedirectResponse(f"{CHAT.path}?done={message.seq if message else acted.seq}", HTTPStatus.SEE_OTHER)

    return router


class _Screen:
    """Makes the screen. An error of a message is a part of the screen, with what to write instead."""

    def __init__(self, maker: PageMaker) -> None:
        self._maker = maker

    async def show(
        self, request: Request, viewer: Viewer, moment: Moment, text: str, values: Mapping[str, Any], *, ask: bool
    ) -> Response:
        store = self._maker.store_of(moment)
        reply, problem = None, None
        if ask:
            try:
                reply = await reply_to(store, self._maker.settings, text)
            except AuraError as error:
                problem = error
        frame = {
            "text": text,
            "reply": reply,
            "problem": problem,
            "may": reply is not None and reply.draft is not None and viewer.may(reply.draft.right),
            "page": await messages(store, values["before"] or FAR, MESSAGES_SHOWN),
            "forms": FORMS,
            **({"live": ""} if reply is not None or problem is not None else {}),
        }
        return await self._maker.show(request, CHAT, viewer, moment, frame | dict(values))


def _is_question(text: str) -> bool:
    """Return whether a text asks for nothing but an answer."""
    try:
        return bool(text) and isinstance(read_message(text), Question)
    except Invalid:
        return False
