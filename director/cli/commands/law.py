"""pause, halt, resume, budget: the Director's law over the whole organisation."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any

import typer

from director.cli.commands.options import Json, Reason
from domain.errors import Invalid

if TYPE_CHECKING:
    from domain.message import Command


def register(app: typer.Typer) -> None:
    for command in (pause, halt, resume, budget):
        app.command()(command)


def pause(reason: Reason, as_json: Json = False) -> None:
    """No new work begins; what runs goes on to its end."""
    from domain.organisation import Pause

    _law("pause", as_json, lambda ids: Pause(**ids, reason=reason))


def halt(reason: Reason, as_json: Json = False) -> None:
    """Nothing begins, nothing is merged or delivered."""
    from domain.organisation import Halt

    _law("halt", as_json, lambda ids: Halt(**ids, reason=reason))


def resume(reason: Reason, as_json: Json = False) -> None:
    """Go on after a pause or a halt."""
    from domain.organisation import Resume

    _law("resume", as_json, lambda ids: Resume(**ids, reason=reason))


def budget(
    usd: Annotated[
        str | None, typer.Option(help="Set it: the most that all runs together may spend, in US dollars.")
    ] = None,
    tokens: Annotated[int | None, typer.Option(min=0, help="Set it: the most tokens of all runs together.")] = None,
    as_json: Json = False,
) -> None:
    """Show the organisation's budget, or set it with --usd and --tokens. 0 means stop."""
    from domain.money import Amount
    from domain.organisation import SetBudget

    if usd is None and tokens is None:
        _show_budget(as_json)
        return
    if usd is None or tokens is None:
        raise Invalid(
            "A budget has two parts: dollars and tokens.", hint="Write both: aura budget --usd 12.50 --tokens 5000000"
        )
    try:
        amount = Amount(Decimal(usd), tokens)
    except InvalidOperation:
        raise Invalid(f"{usd!r} is not an amount of dollars.", hint='Write it like "12.50".') from None
    _law("budget", as_json, lambda ids: SetBudget(**ids, cap=amount))


def _show_budget(as_json: bool) -> None:
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("budget", as_json)

    async def work() -> None:
        import msgspec

        from director.services.budget import budget_of
        from director.services.session import archive
        from director.terminal.text import budget_text

        async with archive(Settings()) as store:
            seen = await budget_of(store)
        door.answer(msgspec.to_builtins(seen), budget_text(msgspec.structs.asdict(seen)))

    door.run(work())


def _law(verb: str, as_json: bool, make: Callable[[dict[str, Any]], "Command"]) -> None:
    """Send the command that `make` makes of an id and the time."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door(verb, as_json)

    async def work() -> None:
        from bus.clock import now
        from director.services.session import desk, new_id

        async with desk(Settings()) as opened:
            outcome = await opened.done(make({"id": new_id(), "at": now()}))
        door.answer({"seq": outcome.seq}, f"Recorded as event {outcome.seq}." if outcome.seq else "Nothing changed.")

    door.run(work())
