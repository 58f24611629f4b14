"""The Director's commands for the whole organisation: pause, halt, resume, and budget."""

from uuid import UUID

from bus.clock import now
from director.services.session import DirectorSession, new_id
from domain.money import Amount
from domain.organisation import Halt, Pause, Resume, SetBudget
from governance.gate import Outcome


async def pause(opened: DirectorSession, reason: str, *, id: UUID | None = None) -> Outcome:
    """Pause the organisation: no new work begins, and running work is finished."""
    return await opened.done(Pause(id=id or new_id(), at=now(), reason=reason))


async def halt(opened: DirectorSession, reason: str, *, id: UUID | None = None) -> Outcome:
    """Halt the organisation: nothing begins, and nothing is merged or delivered."""
    return await opened.done(Halt(id=id or new_id(), at=now(), reason=reason))


async def resume(opened: DirectorSession, reason: str, *, id: UUID | None = None) -> Outcome:
    """End a pause or a halt."""
    return await opened.done(Resume(id=id or new_id(), at=now(), reason=reason))


async def set_budget(opened: DirectorSession, limit: Amount) -> Outcome:
    """Set the limit that all runs together may spend. 0 means stop."""
    return await opened.done(SetBudget(id=new_id(), at=now(), cap=limit))
