"""The command staff apply: hire and update the employees of a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.output import Door

if TYPE_CHECKING:
    from director.settings import Settings


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="A file that declares employees.")
    group.command("apply")(apply)
    app.add_typer(group, name="staff")


@command("staff apply", interrupted="Some employees may be hired or updated already. Run the command again.")
async def apply(
    door: Door,
    settings: "Settings",
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The file (default: employees.toml in the home).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    dismiss_others: Annotated[
        bool,
        typer.Option("--dismiss-others", help="Dismiss the employees that the file does not name."),
    ] = False,
    reason: Annotated[str, typer.Option(help="With --dismiss-others: the reason, which is recorded.")] = "",
) -> None:
    """Make the staff as a file says: hire the missing employees, update the others, and set the fallback chains."""
    from director.cli.staff_changes_text import staff_changes_text
    from director.services.staff_changes import Wanted
    from director.services.staff_file import apply as apply_staff_file

    wanted = Wanted(dry_run=dry_run, dismiss_others=dismiss_others, reason=reason)
    result = await apply_staff_file(settings, file or settings.employees_file, wanted, on_progress=door.note)
    door.answer(result, staff_changes_text(result))
