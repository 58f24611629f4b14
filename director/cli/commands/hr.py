"""The commands of HR: rules, appeal, rehire and blacklist."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.commands.options import Reason
from director.cli.commands.staff import Who
from director.cli.output import Door

if TYPE_CHECKING:
    from director.settings import Settings

Incident = Annotated[
    str,
    typer.Option(
        "--incident",
        metavar="ID",
        help="The incident of the strike, or the beginning of its id (aura employees --all).",
    ),
]
Version = Annotated[
    str,
    typer.Argument(metavar="VERSION", help="An employee that has the version, or the id of the version."),
]


def register(app: typer.Typer) -> None:
    rules = typer.Typer(help="Show or check the rules of HR: strikes, probation, rehires and appeals.")
    rules.command("show")(show_rules)
    rules.command("check")(check)
    app.add_typer(rules, name="rules")
    appeal = typer.Typer(help="Ask for the reversal of a strike, or decide it.")
    appeal.command("file")(file_appeal)
    appeal.command("decide")(decide)
    appeal.command("list")(list_appeals)
    app.add_typer(appeal, name="appeal")
    app.command()(rehire)
    blacklist = typer.Typer(help="Versions of employees that nobody may work with.")
    blacklist.command("add")(add)
    blacklist.command("remove")(remove)
    blacklist.command("list")(list_versions)
    app.add_typer(blacklist, name="blacklist")


@command("rules show")
async def show_rules(door: Door, settings: "Settings") -> None:
    """Show the rules of HR that the next start of HR uses, and their version."""
    from director.cli.hr_text import rules_text
    from director.services.hr_rules import rules_in_force

    shown = rules_in_force(settings)
    door.answer(shown, rules_text(shown, settings.root))


@command("rules check")
async def check(
    door: Door,
    settings: "Settings",
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A TOML file with rules of HR.")],
) -> None:
    """Check a file with rules of HR, and show what it says. Nothing is changed."""
    from director.cli.hr_text import rules_text
    from director.services.hr_rules import check_rules

    shown = check_rules(file)
    door.answer(shown, rules_text(shown, settings.root))


@command("appeal file")
async def file_appeal(door: Door, settings: "Settings", who: Who, incident: Incident, reason: Reason) -> None:
    """Ask the Director to reverse a strike. The reason says why the strike is wrong."""
    from director.services import appeals

    changed = await appeals.file_appeal(settings, who, incident, reason)
    door.answer(
        changed,
        f"The appeal of {who} is open, as event {changed.seq}. "
        f"To decide it: aura appeal decide {who} --incident {incident} --grant --reason … (or --deny)",
    )


@command("appeal decide")
async def decide(
    door: Door,
    settings: "Settings",
    who: Who,
    incident: Incident,
    grant: Annotated[
        bool,
        typer.Option("--grant/--deny", help="--grant reverses the strike and what came from it; --deny keeps it."),
    ],
    reason: Reason,
) -> None:
    """Decide an open appeal. A granted one reverses the strike, and ends a suspension or dismissal that needs it."""
    from director.services import appeals

    changed = await appeals.decide_appeal(settings, who, incident, granted=grant, reason=reason)
    said = "granted: the strike counts no more" if grant else "denied: the strike stays"
    door.answer(changed, f"The appeal of {who} is {said}, as event {changed.seq}.")


@command("appeal list")
async def list_appeals(door: Door, settings: "Settings") -> None:
    """List the appeals that wait for a decision."""
    from director.cli.hr_text import appeals_text
    from director.services.appeals import open_appeals

    found = await open_appeals(settings)
    door.answer({"appeals": found}, appeals_text(found))


@command("rehire")
async def rehire(door: Door, settings: "Settings", who: Who, reason: Reason) -> None:
    """Hire a dismissed employee again, on probation. Its id, record and strikes stay."""
    from director.services.rehiring import rehire as hire_again

    changed = await hire_again(settings, who, reason)
    door.answer(changed, f"{who} is hired again, on probation, as event {changed.seq}. Its record and strikes stay.")


@command("blacklist add")
async def add(door: Door, settings: "Settings", version: Version, reason: Reason) -> None:
    """Blacklist a version. HR suspends each employee that has it, and nobody is hired with it."""
    from director.cli.hr_text import blacklisted_text
    from director.services.blacklist import add_version

    changed = await add_version(settings, version, reason)
    door.answer(changed, blacklisted_text(changed))


@command("blacklist remove")
async def remove(door: Door, settings: "Settings", version: Version, reason: Reason) -> None:
    """Take a version off the blacklist. Its employees stay suspended until `aura reinstate`."""
    from director.cli.hr_text import cleared_text
    from director.services.blacklist import remove_version

    changed = await remove_version(settings, version, reason)
    door.answer(changed, cleared_text(changed))


@command("blacklist list")
async def list_versions(door: Door, settings: "Settings") -> None:
    """List the blacklisted versions, with the reason and the employees that have them."""
    from director.cli.hr_text import blacklist_text
    from director.services.blacklist import list_blacklist

    found = await list_blacklist(settings)
    door.answer({"versions": found}, blacklist_text(found))
