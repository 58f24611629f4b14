"""Incidents as text."""

from collections.abc import Mapping, Sequence

from director.services.incidents import IncidentStory
from director.services.views import IncidentLine
from director.terminal.escape import below, visible
from director.terminal.text import clock, table

FOLLOWS: Mapping[str, str] = {
    "": "nothing is paused",
    "pause_employee": "the employee gets no new work until the incident is closed",
    "pause_run": "the run gets no new attempts until the incident is closed",
}
NONE = "There is no such incident."


def incidents_text(lines: Sequence[IncidentLine]) -> str:
    """Return the list of incidents, and the command that shows one."""
    if not lines:
        return NONE
    shown = [
        (
            str(line.incident)[:13],
            clock(line.raised_at),
            line.severity,
            line.phase,
            line.kind,
            visible(line.employee_name or "-"),
            visible(line.detail),
        )
        for line in lines
    ]
    head = ("incident", "raised (UTC)", "severity", "state", "kind", "employee", "detail")
    return f"{table(head, shown)}\n\nOne incident with its evidence: aura incidents show ID"


def incident_text(story: IncidentStory) -> str:
    """Return one incident with its evidence, numbers, state and commands."""
    line = story.line
    about = [f"run {line.run}"] if line.run else []
    about += [f"employee {visible(line.employee_name or str(line.employee))}"] if line.employee else []
    parts = [
        f"{line.kind} ({line.severity}), raised {clock(line.raised_at)} UTC",
        *([", ".join(about)] if about else []),
        below(line.detail),
        f"follows: {'HR counts a strike' if line.strike else FOLLOWS.get(line.follows, line.follows)}",
        f"state: {_state(line)}",
    ]
    parts += [f"measured: {_numbers(story.measured)}"] if story.measured else []
    parts += [f"limits: {_numbers(story.limits)}"] if story.limits else []
    parts += ["", "Evidence:"]
    parts += [f"  {each.seq:>6}  {each.type:<20} {below(each.words)}  ({each.command})" for each in story.evidence]
    parts += [] if story.evidence else ["  none on record"]
    return "\n".join([*parts, "", "More:", *(f"  {command}" for command in story.commands)])


def _state(line: IncidentLine) -> str:
    if line.phase == "open":
        return "open"
    return f"{line.phase} by {line.changed_by}, {clock(line.changed_at)} UTC: {below(line.reason)}"


def _numbers(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {value}" for name, value in numbers.items())
