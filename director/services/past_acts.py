"""The past acts of people: what the Director and the users have decided, with names and reasons."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from bus.newest_events import Newest, newest
from bus.store import FAR, Store
from director.services.event_browser import USER
from domain.message import Envelope, Recorded
from domain.refusal import CommandRefused
from domain.user import UserState
from governance.authority import MATRIX
from governance.people import read_people

DIRECTOR = "director"
ACTS_MAX = 200
"""The most acts of a page."""
TYPES = tuple(sorted({*MATRIX["director"], CommandRefused.type}))
"""The events of people: what they may cause, and refused commands."""


class PastAct(msgspec.Struct, frozen=True, kw_only=True):
    """One act. `who`: the name of the user; "the Director's key" without a user. `reason`: empty if it has none."""

    seq: int
    at: int
    type: str
    who: str
    about: str
    reason: str
    void: str | None


class PastActs(msgspec.Struct, frozen=True, kw_only=True):
    """A page of acts, the newest first. `next`: the value of `before` for older acts; None if there are none."""

    acts: tuple[PastAct, ...]
    next: int | None


async def past_acts(store: Store, before: int = FAR, limit: int = 50) -> PastActs:
    """Return a page of the acts of people."""
    wanted = Newest(before=before, types=TYPES, roles=(DIRECTOR, USER))
    page = await newest(store, wanted, min(limit, ACTS_MAX))
    people = await read_people(store)
    return PastActs(acts=tuple(_act(recorded, people) for recorded in page.events), next=page.next)


def acted_by(envelope: Envelope, people: Mapping[UUID, UserState]) -> str:
    """Return the name of the user who caused an event of a person."""
    if envelope.role != USER:
        return "the Director's key"
    state = people.get(envelope.principal)
    return state.name if state is not None else str(envelope.principal)


def _act(recorded: Recorded, people: Mapping[UUID, UserState]) -> PastAct:
    envelope = recorded.envelope
    return PastAct(
        seq=recorded.seq,
        at=envelope.occurred_at,
        type=envelope.type,
        who=acted_by(envelope, people),
        about=f"{envelope.entity} {str(envelope.entity_id)[:13]}",
        reason=str(getattr(recorded.event, "reason", "") or ""),
        void=recorded.void,
    )
