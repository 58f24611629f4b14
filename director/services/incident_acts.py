"""The steps of an incident as acts of a signed-in person: acknowledge, work on, close."""

from collections.abc import Sequence
from typing import get_args
from uuid import UUID

from bus.clock import now
from director.services.incidents import COMMANDS, STATES, Step
from director.services.page_views import INCIDENT_NAMED
from director.services.session import DirectorSession, in_time
from director.services.user_acts import Acted, acted

STEPS: Sequence[Step] = get_args(Step)


async def incident_step(opened: DirectorSession, id: UUID, incident: UUID, step: Step, reason: str) -> Acted:
    """Take a step of an incident, and wait until the auditor's rows show it. Raises Invalid, Refused, Conflict."""
    command, phase = COMMANDS[step]
    outcome = await opened.done(command(id=id, at=now(), incident=incident, reason=reason))
    result = acted(opened, outcome.events, (f"incident.{phase}",), None)

    async def shown() -> bool:
        line = await INCIDENT_NAMED.first(opened.store, str(incident))
        return line is not None and STATES.index(line.phase) >= STATES.index(phase)

    await in_time(shown)
    return result
