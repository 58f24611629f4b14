"""The commands budget, budget set, budget raise and budget refuse."""

from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.commands.options import Json, Reason, RunId, dollars
from director.cli.output import Door
from domain.errors import Invalid

if TYPE_CHECKING:
    from director.settings import Settings
    from domain.caps import Limit

Usd = Annotated[str | None, typer.Option(help="US dollars, such as 12.50.")]
Tokens = Annotated[int | None, typer.Option(min=0, help="Tokens.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(invoke_without_command=True)
    group.callback()(budget)
    group.command("set")(set_)
    group.command("raise")(raise_)
    group.command("refuse")(refuse)
    app.add_typer(group, name="budget")


def budget(
    context: typer.Context,
    usd: Annotated[str | None, typer.Option(help="Set the limit of all runs together, in US dollars.")] = None,
    tokens: Annotated[int | None, typer.Option(min=0, help="Set the limit of all runs together, in tokens.")] = None,
    as_json: Json = False,
) -> None:
    """Show all caps, or set the organisation's budget with --usd and --tokens; 0 means stop. Raise or refuse more."""
    if context.invoked_subcommand is None:
        _show(usd=usd, tokens=tokens, as_json=as_json)


@command("budget")
async def _show(door: Door, settings: "Settings", usd: str | None, tokens: int | None) -> None:
    from director.services import law
    from director.services.budget import budget_of
    from director.services.session import archive, desk
    from director.terminal.budget_text import budget_view_text
    from domain.money import Amount

    if usd is None and tokens is None:
        async with archive(settings) as store:
            seen = await budget_of(store)
        door.answer(seen, budget_view_text(seen))
        return
    if usd is None or tokens is None:
        raise Invalid(
            "A budget has two parts: dollars and tokens.", hint="Write both: aura budget --usd 12.50 --tokens 5000000"
        )
    async with desk(settings) as opened:
        seq = (await law.set_budget(opened, Amount(dollars(usd, "--usd 12.50"), tokens))).seq
    door.answer({"seq": seq}, f"Recorded as event {seq}." if seq else "Nothing changed.")


@command("budget set")
async def set_(
    door: Door,
    settings: "Settings",
    day: Annotated[bool, typer.Option("--day", help="The cap of each UTC day.")] = False,
    employee: Annotated[str, typer.Option(metavar="NAME", help="The cap of an employee.")] = "",
    account: Annotated[str, typer.Option(metavar="NAME", help="The cap of an account.")] = "",
    usd: Usd = None,
    tokens: Tokens = None,
    off: Annotated[bool, typer.Option("--off", help="Remove the cap.")] = False,
) -> None:
    """Set the cap of each day, of an employee or of an account. Give --usd, --tokens, or both; 0 means stop."""
    from director.services.budget import set_cap
    from director.services.session import desk

    limit = _limit(usd, tokens, off=off)
    async with desk(settings) as opened:
        answer = await set_cap(opened, limit, day=day, employee=employee, account=account)
    door.answer(answer, f"Recorded as event {answer.seq}." if answer.seq else "Nothing changed.")


@command("budget raise")
async def raise_(
    door: Door,
    settings: "Settings",
    run: RunId,
    usd: Usd = None,
    tokens: Tokens = None,
    task: Annotated[str, typer.Option(metavar="TASK", help="Raise only the budget of this task.")] = "",
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
) -> None:
    """Raise the budget of an open run by an amount. If the run asked for it, it goes on."""
    from director.services.budget import raise_budget
    from director.services.session import desk
    from domain.money import Amount

    amount = Amount(dollars(usd or "0", "--usd 12.50"), tokens or 0)
    async with desk(settings) as opened:
        answer = await raise_budget(opened, run, amount, task=task, reason=reason)
    door.answer(answer, f"The budget is raised. Recorded as event {answer.seq}.")


@command("budget refuse")
async def refuse(door: Door, settings: "Settings", run: RunId, reason: Reason) -> None:
    """Refuse the larger budget that a run asks for. The run then ends."""
    from director.services.budget import refuse_budget
    from director.services.session import desk

    async with desk(settings) as opened:
        answer = await refuse_budget(opened, run, reason)
    door.answer(answer, f"Refused. Recorded as event {answer.seq}.")


def _limit(usd: str | None, tokens: int | None, *, off: bool) -> "Limit | None":
    """Return the limit of the options; None if the cap is removed. Raises Invalid."""
    from domain.caps import Limit

    if off == (usd is not None or tokens is not None):
        raise Invalid("A cap needs a limit, or --off.", hint="Give --usd, --tokens, or both. --off removes the cap.")
    return None if off else Limit(usd=None if usd is None else dollars(usd, "--usd 12.50"), tokens=tokens)
