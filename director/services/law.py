"""The Director's commands for the whole organisation: pause, halt, resume, and budget."""

from bus.clock import now
from director.services.session import DirectorSession, new_id
from domain.money import Amount
from domain.organisation import Halt, Pause, Resume, SetBudget
from governance.gate import Outcome


async def pause(opened: DirectorSession, reason: str) -> Outcome:
    """Pause the organisation: no new work begins, and running work is finished."""
    return await opened.done(Pause(id=new_id(), at=now(), reason=reason))


async def halt(opened: DirectorSession, reason: str) -> Outcome:
    """Halt the organisation: nothing begins, and nothing is merged or delivered."""
    return await opened.done(Halt(id=new_id(), at=now(), reason=reason))


async def resume(opened: DirectorSession, reason: str) -> Outcome:
    """End a pause or a halt."""
    return await opened.done(Resume(id=new_id(), at=now(), reason=reason))


async def set_budget(opened: DirectorSession, limit: Amount) -> Outcome:
    """Set the limit that all runs together may spend. 0 means stop."""
    return await opened.done(SetBudget(id=new_id(), at=now(), cap=limit))
