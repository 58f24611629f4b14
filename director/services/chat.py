"""The chat with the manager: a message gets an answer or a draft, and a confirmed draft is carried out.

A confirmed draft calls the same service as the form of its act, in the session of the person. The words are recorded
before the act, and the events of the act have them as their cause (docs/adr/0100).
"""

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

import msgspec
from msgspec.structs import replace

from bus.clock import now
from bus.newest_events import Newest, newest
from bus.store import FAR, Store
from director.services import person_acts, user_acts
from director.services.causes import ToldEvent, told
from director.services.chat_answers import Answer, answered
from director.services.chat_draft import DIGEST_CHARACTERS_MIN, Draft, drafted
from director.services.chat_grammar import Elsewhere, Wish, read_message
from director.services.comments import Remark
from director.services.past_acts import acted_by
from director.services.run_at import names_until
from director.services.session import DirectorSession
from director.services.user_acts import Acted
from director.settings import Settings
from domain.chat import Act, MessageSent, SendMessage
from domain.errors import Conflict, Invalid
from domain.message import Recorded, derive
from governance.people import read_people

EVENTS_OF_ACT_MAX = 4
"""The most events that an act of the chat causes by itself."""
REFUSAL_WITHIN_EVENTS = 100
"""The number of events after a message in which the refusal of its act is looked for."""
MESSAGES_MAX = 50


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The reply to a message: one of an answer, a draft, and the form of another screen."""

    answer: Answer | None = None
    draft: Draft | None = None
    elsewhere: Elsewhere | None = None


class SentMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message on the record. `text` is empty after a purge. `events`: those that its act caused, or the refusal."""

    seq: int
    at: int
    who: str
    text: str
    act: str
    command: UUID | None
    about: UUID | None
    attached: str
    events: tuple[ToldEvent, ...]


class MessagesPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of messages, the newest first. `next`: the value of `before` for older ones; None if there are none."""

    messages: tuple[SentMessage, ...]
    next: int | None


async def reply_to(store: Store, settings: Settings, text: str) -> Reply:
    """Return the reply to a message. It changes nothing. Raises Invalid (code not_understood), NotFound, Refused."""
    meaning = read_message(text)
    if isinstance(meaning, Wish):
        return Reply(draft=await drafted(store, meaning))
    if isinstance(meaning, Elsewhere):
        return Reply(elsewhere=meaning)
    return Reply(answer=await answered(store, settings, meaning))


async def confirm(opened: DirectorSession, id: UUID, text: str, digest: str) -> Acted:
    """Carry out the draft with this digest, or its beginning. `id`: of the act. The same id acts once.

    Raises Conflict (code draft_changed) if the same words give another draft now, and the errors of the act.
    """
    wish = read_message(text)
    if not isinstance(wish, Wish):
        raise Invalid("This message asks for nothing that could be confirmed.", hint="Send it without a draft.")
    sending, message = derive(id, "message"), derive(id, opened.gate.principal.id, "message")
    command = SendMessage(id=sending, at=now(), message=message, text=wish.words, act=wish.act, command=id)
    await opened.gate.check(command)
    before = await opened.store.find(derive(sending, 0))
    if before is not None and (done := await _done(opened, id, before, wish)) is not None:
        return done
    draft = await drafted(opened.store, wish)
    if len(digest) < DIGEST_CHARACTERS_MIN or not draft.digest.startswith(digest):
        raise Conflict(
            "The draft has changed since you have seen it.",
            hint="Read it again, then confirm it.",
            code="draft_changed",
        )
    outcome = await opened.done(replace(command, about=draft.run, attached=draft.attached))
    return await _ACTS[wish.act](opened.caused_by(outcome.events[0].envelope.id), id, wish, draft)


async def messages(store: Store, before: int = FAR, limit: int = 20) -> MessagesPage:
    """Return a page of messages, each with the events that it caused."""
    page = await newest(store, Newest(before=before, types=(MessageSent.type,)), min(limit, MESSAGES_MAX))
    people, story = await read_people(store), await names_until(store, store.as_of)
    effects = await _effects(store, page.events)
    lines = []
    for recorded in page.events:
        event, envelope = recorded.event, recorded.envelope
        sent = event if isinstance(event, MessageSent) else None
        lines.append(
            SentMessage(
                seq=recorded.seq,
                at=envelope.occurred_at,
                who=acted_by(envelope, people),
                text=sent.text if sent else "",
                act=sent.act if sent else "",
                command=sent.command if sent else None,
                about=sent.about if sent else None,
                attached=sent.attached if sent else "",
                events=tuple(told(each, story) for each in effects.get(envelope.id, ())),
            )
        )
    return MessagesPage(messages=tuple(lines), next=page.next)


async def _effects(store: Store, sent: tuple[Recorded, ...]) -> dict[UUID, list[Recorded]]:
    """Return the events of the act of each message; the refusal, if the gate refused it."""
    by_id = {
        derive(each.event.command, index): each.envelope.id
        for each in sent
        if isinstance(each.event, MessageSent)
        for index in range(EVENTS_OF_ACT_MAX)
    }
    found: dict[UUID, list[Recorded]] = {}
    for recorded in sorted(await store.records("log_find_all", list(by_id)), key=lambda each: each.seq):
        found.setdefault(by_id[recorded.envelope.id], []).append(recorded)
    for message in sent:
        if message.envelope.id not in found:
            end = message.seq + REFUSAL_WITHIN_EVENTS
            near = await store.records("log_caused_near", str(message.envelope.id), message.seq, end)
            found[message.envelope.id] = near[:EVENTS_OF_ACT_MAX]
    return found


async def _done(opened: DirectorSession, id: UUID, before: Recorded, wish: Wish) -> Acted | None:
    """Return the result of a message that was confirmed before with this id; None if its act was not carried out.

    Raises Conflict if the id belongs to another message.
    """
    event = before.event
    same = isinstance(event, MessageSent) and (event.text, event.act) == (wish.words.strip(), wish.act)
    if before.envelope.principal != opened.gate.principal.id or not same:
        raise Conflict("This key was used for another command.", hint="Send a new UUID.", code="key_used")
    events = (await _effects(opened.store, (before,))).get(before.envelope.id, [])
    own = [each for each in events if each.envelope.command == id and each.envelope.type != "refusal.refused"]
    if not own:
        return None
    return Acted(seq=own[-1].seq, events=tuple(each.envelope.id for each in own), run=own[-1].envelope.run)


async def _submit(opened: DirectorSession, id: UUID, wish: Wish, _draft: Draft) -> Acted:
    return await user_acts.submit_text(opened, id, user_acts.Asked(requirement=wish.requirement))


async def _rerun(opened: DirectorSession, id: UUID, _wish: Wish, draft: Draft) -> Acted:
    return await person_acts.asked_again(opened, id, _run(draft))


async def _cancel(opened: DirectorSession, id: UUID, wish: Wish, draft: Draft) -> Acted:
    return await user_acts.end(opened, id, _run(draft), "cancelled", wish.text)


async def _return(opened: DirectorSession, id: UUID, wish: Wish, draft: Draft) -> Acted:
    remarks = [Remark(text=wish.text, task=wish.task)]
    return await person_acts.returned(opened, id, _run(draft), draft.commit, remarks)


async def _comment(opened: DirectorSession, id: UUID, wish: Wish, draft: Draft) -> Acted:
    return await person_acts.commented(opened, id, _run(draft), Remark(text=wish.text, task=wish.task))


async def _raise(opened: DirectorSession, id: UUID, wish: Wish, draft: Draft) -> Acted:
    return await person_acts.raised_budget(opened, id, _run(draft), wish.amount, wish.task, wish.text)


async def _pause(opened: DirectorSession, id: UUID, wish: Wish, _draft: Draft) -> Acted:
    return await user_acts.stop(opened, id, "pause", wish.text)


async def _resume(opened: DirectorSession, id: UUID, wish: Wish, _draft: Draft) -> Acted:
    return await user_acts.stop(opened, id, "resume", wish.text)


def _run(draft: Draft) -> UUID:
    assert draft.run is not None  # the grammar demands a run for this act
    return draft.run


_ACTS: Mapping[Act, Callable[[DirectorSession, UUID, Wish, Draft], Awaitable[Acted]]] = {
    "submit": _submit,
    "rerun": _rerun,
    "cancel": _cancel,
    "return": _return,
    "comment": _comment,
    "raise_budget": _raise,
    "pause": _pause,
    "resume": _resume,
}
