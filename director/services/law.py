"""The Director's word over the whole organisation: pause, halt, resume, and the budget."""

from bus.clock import now
from director.services.session import DirectorSession, new_id
from domain.money import Amount
from domain.organisation import Halt, Pause, Resume, SetBudget
from governance.gate import Outcome


async def pause(opened: DirectorSession, reason: str) -> Outcome:
    """Let no new work begin. Work under way goes on to its end."""
    return await opened.done(Pause(id=new_id(), at=now(), reason=reason))


async def halt(opened: DirectorSession, reason: str) -> Outcome:
    """Let nothing begin, be merged or be delivered."""
    return await opened.done(Halt(id=new_id(), at=now(), reason=reason))


async def resume(opened: DirectorSession, reason: str) -> Outcome:
    """End a pause or a halt."""
    return await opened.done(Resume(id=new_id(), at=now(), reason=reason))


async def set_budget(opened: DirectorSession, limit: Amount) -> Outcome:
    """Set the most that all runs together may spend. 0 means stop."""
    return await opened.done(SetBudget(id=new_id(), at=now(), cap=limit))
