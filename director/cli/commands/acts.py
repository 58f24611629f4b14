"""The Director's acts on a run: override, return with comments, comment."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.commands.options import Reason, RunId
from director.cli.output import Door

if TYPE_CHECKING:
    from director.settings import Settings

Task = Annotated[str, typer.Option("--task", metavar="TASK", help="The task. Without it: all tasks.")]
Confirm = Annotated[str, typer.Option("--confirm", metavar="TEXT", help='Type "not verified". A script gives it here.')]
Text = Annotated[list[str], typer.Option("--comment", metavar="TEXT", help="What must change. It may be repeated.")]


def register(app: typer.Typer) -> None:
    app.command()(override)
    app.command("return")(return_)
    app.command()(comment)


@command("override")
async def override(
    door: Door,
    settings: "Settings",
    run: RunId,
    reason: Reason,
    task: Annotated[
        str, typer.Option("--task", metavar="TASK", help="Release an attempt of this task, even if it was rejected.")
    ] = "",
    attempt: Annotated[int, typer.Option("--attempt", min=0, help="With --task: its number. 0: the last one.")] = 0,
    confirm: Confirm = "",
) -> None:
    """Release recorded work of an ended run without a verdict, as a new run. It is never shown as verified."""
    from director.cli.acts_text import override_text
    from director.services.override import CONFIRMATION, OverrideRequest, override_run
    from director.services.session import desk, find_run

    if not confirm and sys.stdin.isatty():
        confirm = str(typer.prompt(f'This work is not verified. To release it, type "{CONFIRMATION}"', err=True))
    async with desk(settings) as opened:
        wanted = OverrideRequest(
            run=await find_run(opened.store, run), reason=reason, confirmation=confirm, task=task, attempt=attempt
        )
        started = await override_run(opened, wanted)
    door.answer(started, override_text(started))


@command("return")
async def return_(
    door: Door,
    settings: "Settings",
    run: RunId,
    comment: Text,
    task: Task = "",
    commit: Annotated[str, typer.Option(help="The commit that you have seen. Another one is not returned.")] = "",
) -> None:
    """Send a delivery back to work with comments. The commented tasks are open again, within the run's budget."""
    from director.services.comments import Remark, return_run
    from director.services.session import desk, find_run

    async with desk(settings) as opened:
        found = await find_run(opened.store, run)
        outcome = await return_run(opened, found, commit, [Remark(text=text, task=task) for text in comment])
    door.answer(
        {"run": found, "seq": outcome.seq}, f"Returned, event {outcome.seq}. Follow it with: aura watch {found}"
    )


@command("comment")
async def comment(
    door: Door,
    settings: "Settings",
    run: RunId,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What employees should know.")],
    task: Task = "",
) -> None:
    """Comment on a run that is not approved yet. Later attempts see the comment."""
    from director.services.comments import Remark, comment_on
    from director.services.session import desk, find_run

    async with desk(settings) as opened:
        found = await find_run(opened.store, run)
        outcome = await comment_on(opened, found, Remark(text=text, task=task))
    door.answer({"run": found, "seq": outcome.seq}, f"Recorded as event {outcome.seq}.")
