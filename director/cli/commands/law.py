"""The commands pause, halt, resume and budget, which apply to the whole organisation."""

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.commands.options import Reason
from director.cli.output import Door
from domain.errors import Invalid

if TYPE_CHECKING:
    from director.settings import Settings
    from domain.money import Amount
    from governance.gate import Outcome


def register(app: typer.Typer) -> None:
    for function in (pause, halt, resume, budget):
        app.command()(function)


@command("pause")
async def pause(door: Door, settings: "Settings", reason: Reason) -> None:
    """Pause the organisation. No new work begins, and running work is finished."""
    from director.services import law
    from director.services.session import desk

    async with desk(settings) as opened:
        _answer(door, await law.pause(opened, reason))


@command("halt")
async def halt(door: Door, settings: "Settings", reason: Reason) -> None:
    """Halt the organisation. Nothing begins, and nothing is merged or delivered."""
    from director.services import law
    from director.services.session import desk

    async with desk(settings) as opened:
        _answer(door, await law.halt(opened, reason))


@command("resume")
async def resume(door: Door, settings: "Settings", reason: Reason) -> None:
    """End a pause or a halt."""
    from director.services import law
    from director.services.session import desk

    async with desk(settings) as opened:
        _answer(door, await law.resume(opened, reason))


@command("budget")
async def budget(
    door: Door,
    settings: "Settings",
    usd: Annotated[str | None, typer.Option(help="Set the limit of all runs together, in US dollars.")] = None,
    tokens: Annotated[int | None, typer.Option(min=0, help="Set the limit of all runs together, in tokens.")] = None,
) -> None:
    """Show or set the organisation's budget. Set it with --usd and --tokens; 0 means stop."""
    import msgspec

    from director.services import law
    from director.services.budget import budget_of
    from director.services.session import archive, desk
    from director.terminal.text import budget_text

    limit = _amount(usd, tokens)
    if limit is None:
        async with archive(settings) as store:
            seen = await budget_of(store)
        door.answer(seen, budget_text(msgspec.structs.asdict(seen)))
        return
    async with desk(settings) as opened:
        _answer(door, await law.set_budget(opened, limit))


def _amount(usd: str | None, tokens: int | None) -> "Amount | None":
    """Return the amount of the options; None if both are missing. Raises Invalid if only one is missing."""
    from domain.money import Amount

    if usd is None and tokens is None:
        return None
    if usd is None or tokens is None:
        raise Invalid(
            "A budget has two parts: dollars and tokens.", hint="Write both: aura budget --usd 12.50 --tokens 5000000"
        )
    try:
        return Amount(Decimal(usd), tokens)
    except InvalidOperation:
        raise Invalid(f"{usd!r} is not an amount of dollars.", hint="Write it like this: --usd 12.50") from None


def _answer(door: Door, outcome: "Outcome") -> None:
    """Print the event that recorded the command."""
    seq = outcome.seq
    door.answer({"seq": seq}, f"Recorded as event {seq}." if seq else "Nothing changed.")
