"""The commands incidents, incidents show, incidents acknowledge, incidents work and incidents close."""

from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.commands.options import Json, Reason
from director.cli.output import Door

if TYPE_CHECKING:
    from director.services.incidents import Step
    from director.settings import Settings

IncidentId = Annotated[str, typer.Argument(metavar="ID", help="The incident's id, the beginning of it, or `last`.")]
State = Annotated[
    str, typer.Option(metavar="STATE", help="Only this state: open, acknowledged, worked, closed or unclosed.")
]
SeverityName = Annotated[str, typer.Option(metavar="SEVERITY", help="Only this severity: minor, major or severe.")]
OfEmployee = Annotated[str, typer.Option(metavar="EMPLOYEE", help="Only incidents about this employee.")]
OfRun = Annotated[str, typer.Option(metavar="RUN", help="Only incidents of this run.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(invoke_without_command=True)
    group.callback()(incidents)
    for function in (show, acknowledge, work, close):
        group.command()(function)
    app.add_typer(group, name="incidents")


def incidents(
    context: typer.Context,
    state: State = "",
    severity: SeverityName = "",
    employee: OfEmployee = "",
    run: OfRun = "",
    as_json: Json = False,
) -> None:
    """List incidents, oldest first; or show one, and record what was done about it."""
    if context.invoked_subcommand is None:
        _list(state=state, severity=severity, employee=employee, run=run, as_json=as_json)


@command("incidents")
async def _list(door: Door, settings: "Settings", state: str, severity: str, employee: str, run: str) -> None:
    from director.cli.incident_text import incidents_text
    from director.services.incidents import Wanted, list_incidents
    from director.services.session import archive

    wanted = Wanted(state=state, severity=severity, employee=employee, run=run)
    async with archive(settings) as store:
        lines = await list_incidents(store, wanted)
    door.answer({"incidents": lines}, incidents_text(lines))


@command("incidents show")
async def show(door: Door, settings: "Settings", incident: IncidentId) -> None:
    """Show an incident: its evidence with commands to copy, its numbers and limits, its state, and what follows."""
    from director.cli.incident_text import incident_text
    from director.services.incidents import incident_story
    from director.services.session import archive

    async with archive(settings) as store:
        story = await incident_story(store, incident)
    door.answer(story, incident_text(story))


@command("incidents acknowledge")
async def acknowledge(door: Door, settings: "Settings", incident: IncidentId, reason: Reason) -> None:
    """Record that you have seen an incident."""
    await _move(door, settings, incident, "acknowledge", reason)


@command("incidents work")
async def work(door: Door, settings: "Settings", incident: IncidentId, reason: Reason) -> None:
    """Record what you did about an incident. A pause that follows from it goes on until it is closed."""
    await _move(door, settings, incident, "work", reason)


@command("incidents close")
async def close(door: Door, settings: "Settings", incident: IncidentId, reason: Reason) -> None:
    """Close an incident. This ends the pause that follows from it."""
    await _move(door, settings, incident, "close", reason)


async def _move(door: Door, settings: "Settings", incident: str, step: "Step", reason: str) -> None:
    from director.services.incidents import move_incident

    line = await move_incident(settings, incident, step, reason)
    door.answer(line, f"Incident {line.incident}: {line.phase}.")
