"""The commands account add, list, show, remove and reopen: keys at a server, with their capacity."""

from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.commands.options import Reason
from director.cli.output import Door, as_data

if TYPE_CHECKING:
    from director.settings import Settings

Name = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The name of the account.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Accounts of models: a key at a server, with its capacity.")
    for name, function in (
        ("add", add),
        ("list", list_all),
        ("show", show),
        ("remove", remove),
        ("reopen", reopen),
    ):
        group.command(name)(function)
    app.add_typer(group, name="account")


@command("account add")
async def add(
    door: Door,
    settings: "Settings",
    name: Name,
    base_url: Annotated[
        str | None,
        typer.Option(help="The model's server, as in `aura hire --base-url`. All its employees have it."),
    ] = None,
    key_env: Annotated[
        str | None,
        typer.Option(
            help="The environment variable with the key, where `aura up` runs. With _FILE after its name, the variable "
            "names a file. The key itself is never stored."
        ),
    ] = None,
    key_file: Annotated[str | None, typer.Option(metavar="FILE", help="The file with the key, on one line.")] = None,
    requests_per_minute: Annotated[
        int | None, typer.Option(min=0, help="The most calls that begin in one minute (0: no limit).")
    ] = None,
    tokens_per_minute: Annotated[
        int | None, typer.Option(min=0, help="The most tokens of one minute (0: no limit).")
    ] = None,
    calls: Annotated[
        int | None, typer.Option(min=0, help="The most calls at the same time, of all its employees (0: no limit).")
    ] = None,
    usd_per_day: Annotated[
        str | None, typer.Option(metavar="USD", help="The most dollars of one day, in UTC (0: no limit).")
    ] = None,
    tokens_per_day: Annotated[
        int | None, typer.Option(min=0, help="The most tokens of one day, in UTC (0: no limit).")
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Change an account. Options that are not given stay the same.")
    ] = False,
) -> None:
    """Add an account, or change one. Employees name their accounts with `aura hire --accounts`."""
    from director.cli.account_text import changed_text
    from director.services.accounts import AccountOptions, add_account

    options = AccountOptions(
        name=name,
        base_url=base_url,
        key_env=key_env,
        key_file=key_file,
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        calls=calls,
        usd_per_day=usd_per_day,
        tokens_per_day=tokens_per_day,
    )
    changed = await add_account(settings, options, update=update)
    door.answer(changed, changed_text(changed, "is changed" if update else "is added"))


@command("account list")
async def list_all(door: Door, settings: "Settings") -> None:
    """List the accounts with their state and use, and the keys of employees that name no account."""
    from director.cli.account_text import accounts_text
    from director.services.accounts import list_accounts

    lines = await list_accounts(settings)
    door.answer(as_data({"accounts": lines}), accounts_text(lines))


@command("account show")
async def show(door: Door, settings: "Settings", name: Name) -> None:
    """Show one account with its state and use."""
    from director.cli.account_text import accounts_text
    from director.services.accounts import one_account

    line = await one_account(settings, name)
    door.answer(line, accounts_text([line]))


@command("account remove")
async def remove(door: Door, settings: "Settings", name: Name, reason: Reason) -> None:
    """Remove an account that no employee names. Its calls stay on the record."""
    from director.cli.account_text import changed_text
    from director.services.accounts import drop_account

    changed = await drop_account(settings, name, reason)
    door.answer(changed, changed_text(changed, "is removed"))


@command("account reopen")
async def reopen(door: Door, settings: "Settings", name: Name, reason: Reason) -> None:
    """Use an account again at once, for example after its key was renewed or its bill was paid."""
    from director.cli.account_text import changed_text
    from director.services.accounts import reopen_account

    changed = await reopen_account(settings, name, reason)
    door.answer(changed, changed_text(changed, "is open again"))
