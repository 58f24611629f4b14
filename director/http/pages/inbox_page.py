"""The inbox: one feed of everything that needs a person, and the forms that decide."""

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from bus.blobs import Blobs
from bus.redaction import Redactor
from director.http.bodies import REASON_CHARACTERS_MAX
from director.http.pages.forms import Form, read_form
from director.http.pages.page_maker import PageMaker
from director.http.pages.screens import INBOX
from director.services import user_acts
from director.services.delivery_cards import delivery_cards, twins
from domain.errors import Conflict, Invalid
from domain.message import derive

COMMIT_CHARACTERS_MAX = 64
TOGETHER_MAX = 20
CARDS_MAX = 20
"""The most deliveries on the page, the oldest first. A card reads the whole run."""


def inbox_page(maker: PageMaker) -> APIRouter:
    """Return the inbox, and the forms on it."""
    router = APIRouter(include_in_schema=False)

    @router.get(INBOX.path)
    async def show(request: Request) -> Response:
        viewer = await maker.viewer(request, INBOX)
        inbox = await maker.bar.inbox(CARDS_MAX)
        blobs = Blobs(maker.store, Redactor())
        cards = await delivery_cards(maker.store, blobs, inbox.waiting[:CARDS_MAX], viewer.who.user)
        done = request.query_params.get("done", "")
        values = {
            "inbox": inbox,
            "cards": cards,
            "more": len(inbox.waiting) - len(cards),
            "twins": twins(cards),
            "done": done if done.isdecimal() else "",
        }
        return await maker.show(request, INBOX, viewer, await maker.moment(request, INBOX), values)

    @router.post("/inbox/{run}/approve")
    async def approve(request: Request, run: UUID) -> Response:
        form = await read_form(request)
        opened = await maker.actor(request, form)
        await _fresh(maker, run, form)
        reason = form.get("reason", "")[:REASON_CHARACTERS_MAX]
        acted = await user_acts.approve(opened, form.key, run, form.needed("commit", COMMIT_CHARACTERS_MAX), reason)
        return await _back(maker, acted.seq)

    @router.post("/inbox/{run}/reject")
    async def reject(request: Request, run: UUID) -> Response:
        form = await read_form(request)
        opened = await maker.actor(request, form)
        await _fresh(maker, run, form)
        reason = form.needed("reason", REASON_CHARACTERS_MAX)
        acted = await user_acts.end(opened, form.key, run, "declined", reason)
        return await _back(maker, acted.seq)

    @router.post("/inbox/approve-together")
    async def together(request: Request) -> Response:
        form = await read_form(request)
        opened = await maker.actor(request, form)
        seq = 0
        for run, commit in await _identical(maker, form, opened.gate.principal.id):
            acted = await user_acts.approve(
                opened, derive(form.key, str(run)), run, commit, "approved with identical deliveries"
            )
            seq = max(seq, acted.seq)
        return await _back(maker, seq)

    return router


async def _fresh(maker: PageMaker, run: UUID, form: Form) -> None:
    """Refuse a decision about another delivery than the page has shown. Raises Conflict."""
    shown = form.needed("commit", COMMIT_CHARACTERS_MAX)
    inbox = await maker.bar.inbox()
    now = next((line["commit_id"] for line in inbox.waiting if line["run"] == run), None)
    if now is None and not await maker.known(form.key):
        raise Conflict("This delivery does not wait any more.", hint="Somebody decided before you.", code="stale")
    if now not in (None, shown):
        raise Conflict(
            f"The delivery is now commit {now}, and your page has shown {shown}.",
            hint="Look at it again.",
            code="stale",
        )


async def _identical(maker: PageMaker, form: Form, reader: UUID) -> list[tuple[UUID, str]]:
    """Return the deliveries of a group, as they are now. Raises Conflict if the group is another one now."""
    pairs = [each.partition(":") for each in form.needed("runs", TOGETHER_MAX * 110).split(",")]
    try:
        shown = [(UUID(run), commit) for run, _, commit in pairs]
    except ValueError:
        raise Invalid("The form names no runs.", hint="Open the page again.") from None
    inbox = await maker.bar.inbox(CARDS_MAX)
    cards = await delivery_cards(maker.store, Blobs(maker.store, Redactor()), inbox.waiting[:CARDS_MAX], reader)
    if not any({(card.run, card.commit) for card in group} >= set(shown) for group in twins(cards)):
        raise Conflict("These deliveries are not identical any more.", hint="Look at each of them again.", code="stale")
    return shown[:TOGETHER_MAX]


async def _back(maker: PageMaker, seq: int) -> Response:
    await maker.bar.settle(seq)
    return RedirectResponse(f"{INBOX.path}?done={seq}", HTTPStatus.SEE_OTHER)
