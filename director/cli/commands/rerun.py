"""The command rerun: a run again from its record, or one task again by another employee."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.commands.options import Degraded, RunId, ShareSecrets, dollars
from director.cli.output import Door
from domain.check_limits import USD_MAX
from domain.errors import Invalid

if TYPE_CHECKING:
    from uuid import UUID

    from director.settings import Settings

Recorded = Annotated[bool, typer.Option("--recorded", help="Play the recorded answers instead of calling models.")]
Task = Annotated[
    str, typer.Option("--task", metavar="TASK", help="Let an employee do this task of the run again. Needs --employee.")
]
Name = Annotated[
    str, typer.Option("--employee", metavar="NAME", help="With --task: the employee, by its name or its id.")
]
UsdMax = Annotated[str, typer.Option("--usd-max", help="With --task: the budget of the shadow run, in USD.")]
Attempts = Annotated[int, typer.Option(min=1, max=100, help="With --task: the most attempts.")]


def register(app: typer.Typer) -> None:
    app.command()(rerun)


@command("rerun", interrupted="Nothing was changed.")
async def rerun(
    door: Door,
    settings: "Settings",
    run: RunId = "last",
    recorded: Recorded = False,
    task: Task = "",
    employee: Name = "",
    usd_max: UsdMax = str(USD_MAX),
    attempts: Attempts = 1,
    share_secrets: ShareSecrets = "",
    allow_degraded: Degraded = False,
) -> None:
    """Play a run again from its record, or let another employee do one task again in a shadow run.

    With --recorded, no model is called, and the log stays as it is. Exit 6: today's delivery would be another one.

    With --task and --employee, the employee gets the same question: the same brief, base and cases. The verifier judges
    its work as always. The work is never delivered, is counted apart in `aura scores`, and is paid from --usd-max.
    Exit 1: it was not verified.
    """
    if bool(task) != bool(employee):
        raise Invalid(
            "--task and --employee need each other.", hint=f"Write: aura rerun {run} --task T1 --employee NAME"
        )
    if recorded == bool(task):
        raise Invalid(
            "A rerun needs either --recorded or --task." if task else "A rerun needs --recorded or --task.",
            hint=f"Write: aura rerun {run} --recorded. Or: aura rerun {run} --task T1 --employee NAME",
        )
    if task:
        await _shadow(
            door,
            settings,
            run,
            task,
            employee,
            dollars(usd_max, "--usd-max 0.50", above_zero=True),
            attempts,
            share_secrets,
            allow_degraded,
        )
        return
    from director.cli.rerun_text import rerun_text
    from director.services.rerun import difference_of, rerun_recorded
    from director.services.session import archive, find_run
    from director.terminal.escape import visible

    async with archive(settings) as store:
        played = await rerun_recorded(
            store,
            settings,
            await find_run(store, run),
            allow_degraded=allow_degraded,
            note=lambda line: door.note(visible(line)),
        )
    door.answer(played, rerun_text(played), difference_of(played))


async def _shadow(
    door: Door,
    settings: "Settings",
    run: str,
    task: str,
    employee: str,
    usd_max: Decimal,
    attempts: int,
    share_secrets: str,
    allow_degraded: bool,
) -> None:
    """Make a shadow run, and print its outcome beside the outcome of the run before."""
    from director.cli.shadow_text import shadow_text
    from director.services.shadow_run import ShadowRequest, not_verified, shadow_run
    from director.terminal.escape import visible

    def on_run(made: "UUID") -> None:
        door.when_interrupted = f"The shadow run continues: aura watch {made}. To end it: aura reject {made}"

    wanted = ShadowRequest(
        run=run,
        task=task,
        employee=employee,
        usd_max=usd_max,
        attempts_max=attempts,
        share_secrets=share_secrets,
        allow_degraded=allow_degraded or settings.allow_degraded,
    )
    result = await shadow_run(wanted, settings, on_run=on_run, note=lambda line: door.note(visible(line)))
    door.answer(result, shadow_text(result), not_verified(result))
