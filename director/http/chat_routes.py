"""The routes of the chat with the manager: the messages, the reply to a message, and the confirmation of a draft."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from bus.store import FAR
from director.http.bodies import Body
from director.http.command_key import key_of
from director.http.problems import answer
from director.http.reads import AsOf, Reading
from director.http.sign_in import Doorkeeper
from director.services.chat import MESSAGES_MAX, confirm, messages, reply_to
from director.services.chat_grammar import MESSAGE_CHARACTERS_MAX
from director.services.times import SEQ_MAX


class Message(Body):
    """A message to the manager, in a form of the grammar (docs/chat.md)."""

    text: str = Field(min_length=1, max_length=MESSAGE_CHARACTERS_MAX)


class Confirmation(Message):
    """A message that was drafted before, and the digest of the draft that was shown."""

    draft: str = Field(min_length=64, max_length=64)


def chat_routes(keeper: Doorkeeper) -> APIRouter:
    """Return the routes of the chat."""
    router = APIRouter(prefix="/api/chat")
    reading = Reading(keeper)

    @router.get("")
    async def listed(
        request: Request,
        before: Annotated[int, Query(ge=1, le=SEQ_MAX)] = FAR,
        limit: Annotated[int, Query(ge=1, le=MESSAGES_MAX)] = 20,
        as_of: AsOf = "",
    ) -> Response:
        return answer(await messages(await reading(request, as_of), before, limit))

    @router.post("")
    async def ask(request: Request, body: Message, as_of: AsOf = "") -> Response:
        """Answer a question, or draft an act. It changes nothing."""
        return answer(await reply_to(await reading(request, as_of), keeper.settings, body.text))

    @router.post("/confirm")
    async def act(request: Request, body: Confirmation) -> Response:
        """Carry out a draft. It needs the header Idempotency-Key, as every command."""
        opened = await keeper.actor(request)
        return answer(await confirm(opened, key_of(request), body.text, body.draft))

    return router
