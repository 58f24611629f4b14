"""The acts of a signed-in person: submit, approve, decline, cancel, pause, halt and resume.

Each act has the id of its command. The same id gives the same result, however often it is sent.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal
from uuid import UUID

import msgspec

from bus.clock import now
from director.services import law
from director.services.approvals import decide_approval
from director.services.hand_in import HandIn, hand_in, ready_to_hand_in
from director.services.sent_texts import SentTexts, read_without_base, written
from director.services.session import DirectorSession
from director.services.submit import ATTEMPTS_MAX
from domain.errors import Conflict
from domain.message import Recorded
from domain.run_messages import End
from verification.requirements.model import Requirement
from verification.requirements.unfilled import refuse_unfilled

Stop = Literal["pause", "halt", "resume"]
_STOPPED = {"pause": "organisation.paused", "halt": "organisation.halted", "resume": "organisation.resumed"}
_STOPS = {"pause": law.pause, "halt": law.halt, "resume": law.resume}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The text of a requirement file and of its sealed cases."""

    requirement: str
    sealed: str = ""
    attempts_max: int = ATTEMPTS_MAX


class Acted(msgspec.Struct, frozen=True, kw_only=True):
    """The events that an act caused. `seq`: the last one. There are none if nothing had to change."""

    seq: int
    events: tuple[UUID, ...] = ()
    run: UUID | None = None


async def submit_text(opened: DirectorSession, id: UUID, asked: Asked) -> Acted:
    """Submit a requirement that came as text. Raises the errors of `hand_in`, and Refused if it has a base."""
    async with _read(asked) as (file, _):
        ready = await ready_to_hand_in(HandIn(file=file, attempts_max=asked.attempts_max), opened.settings)
        handed_in = await hand_in(opened, ready, command=id)
    return Acted(seq=handed_in.seq, events=(handed_in.event,), run=handed_in.run)


async def requirement_in(asked: Asked) -> Requirement:
    """Read a requirement that came as text, without submitting it. Raises as `submit_text` does."""
    async with _read(asked) as (file, requirement):
        refuse_unfilled(requirement, file)
    return requirement


async def approve(opened: DirectorSession, id: UUID, run: UUID, commit: str, reason: str) -> Acted:
    """Approve the delivery with this commit. Raises Refused if the base has moved, or the commit is another one."""
    outcome = await decide_approval(opened, run, commit=commit, reason=reason, id=id)
    return acted(opened, outcome.events, ("run.approved",), run)


async def end(
    opened: DirectorSession, id: UUID, run: UUID, outcome: Literal["declined", "cancelled"], reason: str
) -> Acted:
    """Decline a delivery, or cancel a run."""
    ended = await opened.done(End(id=id, at=now(), run=run, outcome=outcome, reason=reason))
    return acted(opened, ended.events, ("run.ended",), run)


async def stop(opened: DirectorSession, id: UUID, how: Stop, reason: str) -> Acted:
    """Pause, halt or resume the organisation."""
    outcome = await _STOPS[how](opened, reason, id=id)
    return acted(opened, outcome.events, (_STOPPED[how],), None)


def acted(opened: DirectorSession, events: tuple[Recorded, ...], kinds: Collection[str], run: UUID | None) -> Acted:
    """Return the events of an act. Raises Conflict if they came from another command or person with the same id."""
    for recorded in events:
        if recorded.envelope.type not in kinds or recorded.envelope.principal != opened.gate.principal.id:
            raise Conflict("This key was used for another command.", hint="Send a new UUID.", code="key_used")
    return Acted(
        seq=events[-1].seq if events else 0, events=tuple(recorded.envelope.id for recorded in events), run=run
    )


@asynccontextmanager
async def _read(asked: Asked) -> AsyncIterator[tuple[Path, Requirement]]:
    """Yield the requirement's file and its content. The file exists only inside the context. Raises Refused."""
    with written(SentTexts(requirement=asked.requirement, sealed=asked.sealed)) as (file, _):
        hint = "Submit it on that machine: aura submit FILE"
        yield file, await asyncio.to_thread(read_without_base, file, "submitted", hint)
