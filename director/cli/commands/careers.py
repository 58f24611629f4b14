"""The commands tier and scores."""

from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.commands.options import Reason
from director.cli.commands.staff import Who
from director.cli.output import Door, as_data

if TYPE_CHECKING:
    from director.settings import Settings


def register(app: typer.Typer) -> None:
    for function in (tier, scores):
        app.command()(function)


@command("tier")
async def tier(
    door: Door,
    settings: "Settings",
    who: Who,
    tier: Annotated[str, typer.Argument(metavar="TIER", help="probation, junior, mid, senior or principal.")],
    reason: Reason,
) -> None:
    """Set the tier of an employee. Its ceilings follow from the rules; its evidence stays."""
    from director.services import careers

    changed = await careers.place(settings, who, tier, reason)
    said = f"{who} has the tier {tier}"
    door.answer(changed, f"{said}, as event {changed.seq}." if changed.seq else f"{said} already.")


@command("scores")
async def scores(
    door: Door,
    settings: "Settings",
    who: Annotated[
        str | None, typer.Argument(metavar="[EMPLOYEE]", help="Show the scorecard of this employee, for each skill.")
    ] = None,
    events: Annotated[
        bool, typer.Option("--events", help="With EMPLOYEE: also show the events behind each number.")
    ] = False,
    by: Annotated[
        str | None, typer.Option(metavar="GROUP", help="Compare suppliers: by maker, model, agent or version.")
    ] = None,
) -> None:
    """Show the score of each employee, the scorecard of one employee, or the suppliers of the models."""
    if who is not None:
        from director.cli.scorecard_text import scorecard_text
        from director.services.scorecards import scorecard

        card = as_data(await scorecard(settings, who, events=events))
        door.answer(card, scorecard_text(who, card))
        return
    if by is not None:
        from director.cli.scorecard_text import suppliers_text
        from director.services.scorecards import suppliers

        data = as_data({"by": by, "suppliers": await suppliers(settings, by)})
        door.answer(data, suppliers_text(data["suppliers"], by))
        return
    from director.cli.staff_text import scores_text, shadow_scores_text
    from director.services import staff
    from director.services.shadow_views import shadow_scores

    shadow = await shadow_scores(settings)
    data = as_data({"scores": await staff.scores(settings), "shadow": shadow})
    door.answer(data, scores_text(data["scores"]) + shadow_scores_text(shadow))
