"""The past acts of people: what the Director and the users have decided, with names and reasons."""

from typing import Any

import msgspec

from bus.newest_events import Newest, newest
from bus.store import FAR, Store
from director.services.event_browser import USER
from domain.message import Recorded
from domain.refusal import CommandRefused
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
    names = {id: state.name for id, state in (await read_people(store)).items()}
    return PastActs(acts=tuple(_act(recorded, names) for recorded in page.events), next=page.next)


def _act(recorded: Recorded, names: dict[Any, str]) -> PastAct:
    envelope = recorded.envelope
    by_user = envelope.role == USER
    return PastAct(
        seq=recorded.seq,
        at=envelope.occurred_at,
        type=envelope.type,
        who=names.get(envelope.principal, str(envelope.principal)) if by_user else "the Director's key",
        about=f"{envelope.entity} {str(envelope.entity_id)[:13]}",
        reason=str(getattr(recorded.event, "reason", "") or ""),
        void=recorded.void,
    )
