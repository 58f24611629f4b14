"""The commands worker add, list, remove and accounts: NATS credentials of processes that serve employees."""

from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.output import Door

if TYPE_CHECKING:
    from director.settings import Settings

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the credential, for example of the machine.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="NATS credentials of processes that serve employees.")
    for name, function in (("add", add), ("list", list_all), ("remove", remove), ("accounts", accounts)):
        group.command(name)(function)
    app.add_typer(group, name="worker")


@command("worker add")
async def add(
    door: Door,
    settings: "Settings",
    name: Name,
    employee: Annotated[
        list[str] | None, typer.Option(metavar="EMPLOYEE", help="Serve only this employee. You can repeat the option.")
    ] = None,
    address: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="The address of the NATS server as the worker sees it.")
    ] = "",
) -> None:
    """Add a credential for a worker process. It reaches orders, results and permits, and not the log."""
    from director.services.worker_credentials import add_worker

    added = await add_worker(settings, name, employee or (), address=address)
    door.answer(
        added,
        f"The credential is in {added.file}. On the worker's machine: "
        f"AURA_WORKER_NATS_URL_FILE={added.file} aura serve employees",
    )


@command("worker list")
async def list_all(door: Door, settings: "Settings") -> None:
    """List the credentials of workers."""
    from director.services.worker_credentials import list_workers

    known = list_workers(settings)
    lines = [f"{one.name}  {', '.join(map(str, one.employees)) or 'all employees'}" for one in known]
    door.answer({"workers": known}, "\n".join(lines))


@command("worker remove")
async def remove(door: Door, settings: "Settings", name: Name) -> None:
    """Remove a credential of a worker. The server closes its connections."""
    from director.services.worker_credentials import remove_worker

    await remove_worker(settings, name)
    door.answer({"removed": name}, f"Removed: {name}")


@command("worker accounts")
async def accounts(door: Door) -> None:
    """Print the section `accounts` for the configuration of a NATS server of your own."""
    from director.services.worker_credentials import server_accounts

    text = server_accounts()
    door.answer({"accounts": text}, text.rstrip())
