"""The command reviewers check: it measures reviewers with planted defects."""

from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.commands.options import dollars
from director.cli.output import Door
from domain.check_limits import DEFECTS, DEFECTS_MAX, USD_MAX
from domain.errors import Invalid

if TYPE_CHECKING:
    from director.settings import Settings

Names = Annotated[
    list[str] | None, typer.Argument(metavar="NAME", help="A reviewer, by its name or its id. May be given repeatedly.")
]
Everybody = Annotated[bool, typer.Option("--all", help="Check each employee that works.")]
Defects = Annotated[int, typer.Option("--defects", min=1, max=DEFECTS_MAX, help="Planted mistakes for each reviewer.")]
UsdMax = Annotated[str, typer.Option("--usd-max", help="The most that all reviews may cost, in USD.")]
Seed = Annotated[int, typer.Option("--seed", help="Another number plants other mistakes.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Measure reviewers.")
    group.callback()(_reviewers)
    group.command("check")(check)
    app.add_typer(group, name="reviewers")


def _reviewers() -> None:
    """Measure reviewers."""


@command(
    "reviewers check",
    interrupted="The reviews so far stay on record as shadow runs. Finished reviewers keep their results.",
)
async def check(
    door: Door,
    settings: "Settings",
    names: Names = None,
    everybody: Everybody = False,
    defects: Defects = DEFECTS,
    usd_max: UsdMax = str(USD_MAX),
    seed: Seed = 1,
) -> None:
    """Give a reviewer accepted work with planted small mistakes, and accepted work without them.

    The result shows the share of mistakes that it caught, and how often it objected to work without one. It is recorded
    as an event. The auditor raises an incident for a low catch rate. Each review is a shadow run: it delivers nothing.
    """
    from director.cli.reviewers_text import reviewers_text
    from director.services.reviewers import ReviewerCheck, check_reviewers
    from director.terminal.escape import visible

    if bool(names) == everybody:
        raise Invalid("Name reviewers, or give --all.", hint="Write: aura reviewers check NAME. Or: --all")
    wanted = ReviewerCheck(
        names=tuple(names or ()),
        defects=defects,
        usd_max=dollars(usd_max, "--usd-max 0.50", above_zero=True),
        seed=seed,
    )
    results = await check_reviewers(
        wanted,
        settings,
        on_review=lambda name, number, count: door.note(f"{visible(name)}: review {number} of {count} is done."),
        note=lambda line: door.note(visible(line)),
    )
    door.answer({"reviewers": results}, reviewers_text(results))
