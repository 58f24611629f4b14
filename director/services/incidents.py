"""Incidents: list them, show one with its evidence, and acknowledge, work on or close it."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

import msgspec

from bus.clock import now
from bus.store import Store
from director.services.near_causes import named_story
from director.services.page_views import INCIDENT_NAMED, INCIDENTS_PAGE
from director.services.session import (
    DirectorSession,
    desk,
    find_employee,
    find_incident,
    find_run,
    in_time,
    new_id,
)
from director.services.views import INCIDENTS, IncidentLine
from director.settings import Settings
from domain.errors import Invalid, NotFound
from domain.incident import Acknowledge, Close, Work

STATES = ("open", "acknowledged", "worked", "closed")
SEVERITIES = ("minor", "major", "severe")
_ids = msgspec.json.Decoder(tuple[UUID, ...])
_numbers = msgspec.json.Decoder(dict[str, int])
Step = Literal["acknowledge", "work", "close"]
COMMANDS: Mapping[Step, tuple[type[Acknowledge] | type[Work] | type[Close], str]] = {
    "acknowledge": (Acknowledge, "acknowledged"),
    "work": (Work, "worked"),
    "close": (Close, "closed"),
}
"""Step -> its command, and the state after it."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The filter of `aura incidents`. An empty option lets every incident pass. Raises Invalid for an unknown word.

    `employee`: a name, an id or its beginning. `run`: an id, its beginning, or `last`. `state` "unclosed": not closed.
    """

    state: str = ""
    severity: str = ""
    employee: str = ""
    run: str = ""

    def __post_init__(self) -> None:
        for option, value, words in (
            ("--state", self.state, (*STATES, "unclosed")),
            ("--severity", self.severity, SEVERITIES),
        ):
            if value and value not in words:
                raise Invalid(f"{option} {value} is not known.", hint=f"Write one of: {', '.join(words)}.")


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One event that an incident names. `words`: the event in words. `command` shows its causes and effects."""

    event: UUID
    seq: int
    type: str
    at: int
    words: str
    command: str


class IncidentStory(msgspec.Struct, frozen=True, kw_only=True):
    """An incident with its evidence, the oldest event first. `commands`: commands that show more, or go on."""

    line: IncidentLine
    evidence: tuple[Evidence, ...]
    limits: Mapping[str, int]
    measured: Mapping[str, int]
    commands: tuple[str, ...]


class IncidentsPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of incidents, the newest first. `next`: the value of `after` for the next page; None for the last page."""

    incidents: tuple[IncidentLine, ...]
    next: UUID | None


async def list_incidents(store: Store, wanted: Wanted) -> list[IncidentLine]:
    """Return the incidents that pass a filter, oldest first. Raises NotFound for an unknown run or employee."""
    run = await find_run(store, wanted.run) if wanted.run else None
    employee = await find_employee(store, wanted.employee) if wanted.employee else None
    return [line for line in await INCIDENTS.read(store, run, employee) if _passes(wanted, line)]


async def incident_story(store: Store, text: str) -> IncidentStory:
    """Return one incident with its evidence. `text`: an id, the beginning of an id, or `last`. Raises NotFound."""
    id = await find_incident(store, text)
    line = await INCIDENT_NAMED.first(store, str(id))
    if line is None:
        raise NotFound(f"There is no incident {text!r}.", hint="`aura incidents` lists the incidents.")
    found = [event for id in _ids.decode(line.evidence) if (event := await store.find(id)) is not None]
    story = await named_story(store, found)
    evidence = tuple(
        Evidence(
            event=recorded.envelope.id,
            seq=recorded.seq,
            type=recorded.envelope.type,
            at=recorded.envelope.occurred_at,
            words=story.tell(recorded),
            command=f"aura why {recorded.seq}",
        )
        for recorded in sorted(found, key=lambda recorded: recorded.seq)
    )
    return IncidentStory(
        line=line,
        evidence=evidence,
        limits=_numbers.decode(line.limits),
        measured=_numbers.decode(line.measured),
        commands=tuple(_commands(line)),
    )


def _passes(wanted: Wanted, line: IncidentLine) -> bool:
    """Return whether an incident has the wanted state and severity."""
    in_state = wanted.state in ("", line.phase) or (wanted.state == "unclosed" and line.phase != "closed")
    return in_state and wanted.severity in ("", line.severity)


def _commands(line: IncidentLine) -> list[str]:
    """Return the commands that show more about an incident, and the next steps of an incident that is not closed."""
    commands = [f"aura run show {line.run}"] if line.run is not None else []
    if line.employee is not None:
        commands.append(f"aura incidents --employee {line.employee_name or line.employee}")
    return commands + [f"aura incidents {step} {line.incident} --reason TEXT" for step in steps_after(line.phase)]


def steps_after(phase: str) -> list[Step]:
    """Return the steps that an incident in this state can still take."""
    after = STATES.index(phase) if phase in STATES else 0
    return [step for step, (_, state) in COMMANDS.items() if STATES.index(state) > after]


async def move_incident(settings: Settings, text: str, step: Step, reason: str) -> IncidentLine:
    """Acknowledge, work on or close an incident. Return it after the step. Raises NotFound, Invalid, Refused."""
    command, phase = COMMANDS[step]
    async with desk(settings) as opened:
        id = await find_incident(opened.store, text)
        await opened.done(command(id=new_id(), at=now(), incident=id, reason=reason))
        return await _shown(opened, id, phase)


async def _shown(opened: DirectorSession, id: UUID, phase: str) -> IncidentLine:
    """Wait until the auditor's rows show the step. Give up after 10 s: the auditor may not run."""

    async def line() -> IncidentLine:
        return (await INCIDENT_NAMED.read(opened.store, str(id)))[0]

    async def there() -> bool:
        return (await line()).phase == phase

    await in_time(there)
    return await line()


async def incidents_page(store: Store, wanted: Wanted, after: UUID | None = None, limit: int = 50) -> IncidentsPage:
    """Return one page of the incidents that pass a filter, the newest first. Raises Invalid, NotFound."""
    phases = [state for state in STATES if wanted.state in (state, "unclosed" if state != "closed" else state)]
    run = await find_run(store, wanted.run) if wanted.run else None
    employee = await find_employee(store, wanted.employee) if wanted.employee else None
    lines = await INCIDENTS_PAGE.read(
        store, after, phases if wanted.state else None, wanted.severity or None, run, employee, limit + 1
    )
    if not lines and after is not None and await INCIDENT_NAMED.first(store, str(after)) is None:
        raise Invalid(f"There is no incident {after}.", hint="Begin again with the first page.")
    shown = tuple(lines[:limit])
    return IncidentsPage(incidents=shown, next=shown[-1].incident if len(lines) > limit else None)


async def severe_and_open(store: Store) -> list[IncidentLine]:
    """Return the severe incidents that are not closed: each of them pauses an employee or a run."""
    return await list_incidents(store, Wanted(state="unclosed", severity="severe"))
