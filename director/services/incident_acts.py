"""The steps of an incident as acts of a signed-in person: acknowledge, work on, close."""

from collections.abc import Mapping, Sequence
from typing import get_args
from uuid import UUID

from bus.clock import now
from director.services.incidents import STATES, Step
from director.services.page_views import INCIDENT_NAMED
from director.services.session import DirectorSession, in_time
from director.services.user_acts import Acted
from domain.errors import Conflict
from domain.incident import Acknowledge, Close, Work

STEPS: Sequence[Step] = get_args(Step)
_COMMANDS: Mapping[Step, tuple[type[Acknowledge] | type[Work] | type[Close], str]] = {
    "acknowledge": (Acknowledge, "acknowledged"),
    "work": (Work, "worked"),
    "close": (Close, "closed"),
}
"""Step -> its command, and the state after it."""


def steps_after(phase: str) -> list[Step]:
    """Return the steps that an incident in this state can still take."""
    after = STATES.index(phase) if phase in STATES else 0
    return [step for step, (_, state) in _COMMANDS.items() if STATES.index(state) > after]


async def incident_step(opened: DirectorSession, id: UUID, incident: UUID, step: Step, reason: str) -> Acted:
    """Take a step of an incident, and wait until the auditor's rows show it. Raises Invalid, Refused, Conflict."""
    command, phase = _COMMANDS[step]
    outcome = await opened.done(command(id=id, at=now(), incident=incident, reason=reason))
    for recorded in outcome.events:
        if recorded.envelope.type != f"incident.{phase}" or recorded.envelope.principal != opened.gate.principal.id:
            raise Conflict("This key was used for another command.", hint="Send a new UUID.", code="key_used")

    async def shown() -> bool:
        line = await INCIDENT_NAMED.first(opened.store, str(incident))
        return line is not None and STATES.index(line.phase) >= STATES.index(phase)

    await in_time(shown)
    return Acted(seq=outcome.seq, events=tuple(recorded.envelope.id for recorded in outcome.events))
