"""NATS credentials of workers: one for each process that serves employees, possibly on another machine."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from agents.employees import postings
from bus.embedded import worker_credentials
from bus.embedded.home import Home
from bus.embedded.json_file import write_private
from bus.worker_accounts import DEFAULT_WORKER, configuration_text
from director.settings import Settings
from domain.errors import Invalid
from governance.authority import WORKER_RIGHTS


class WorkerLogin(msgspec.Struct, frozen=True, kw_only=True):
    """One credential, without its password. `employees`: the ids that it may serve; empty: all employees.

    `file`: the file with the address and the password, for AURA_WORKER_NATS_URL_FILE. The home's own workers need none.
    """

    name: str
    employees: tuple[UUID, ...] = ()
    file: str | None = None


def list_workers(settings: Settings) -> list[WorkerLogin]:
    """Return the credentials of the home's NATS server. Raises Unavailable without such a server."""
    home = Home(settings.root)
    return [
        WorkerLogin(
            name=known.name,
            employees=known.employees,
            file=None if known.name == DEFAULT_WORKER else str(_file(home, known.name)),
        )
        for known in worker_credentials.of_home(home)
    ]


async def add_worker(settings: Settings, name: str, employees: Sequence[str] = (), *, address: str = "") -> WorkerLogin:
    """Add a credential for the named employees, or for all employees if no name is given.

    `address`: HOST:PORT at which the worker reaches the NATS server, for example through a tunnel. By default it is the
    server's own address on this machine. Raises Invalid, NotFound, Conflict, Unavailable.
    """
    home = Home(settings.root)
    worker_credentials.of_home(home)  # before anything else, so that a home without a server says so
    ids = [postings.find(settings.employees, who).id for who in employees]
    if address:
        _checked(address)
    url = await asyncio.to_thread(worker_credentials.add, home, name, ids, WORKER_RIGHTS)
    if address:
        url = f"{url.rpartition('@')[0]}@{address}"
    write_private(_file(home, name), f"{url}\n".encode())
    return WorkerLogin(name=name, employees=tuple(ids), file=str(_file(home, name)))


async def remove_worker(settings: Settings, name: str) -> None:
    """Remove a credential. The server closes its connections. Raises NotFound, Refused, Unavailable."""
    home = Home(settings.root)
    await asyncio.to_thread(worker_credentials.remove, home, name, WORKER_RIGHTS)
    _file(home, name).unlink(missing_ok=True)


def server_accounts() -> str:
    """Return the section `accounts` of the configuration of a NATS server of your own."""
    return configuration_text(WORKER_RIGHTS)


def _checked(address: str) -> None:
    try:
        parts = urlsplit(f"nats://{address}")
        if parts.hostname and parts.port and parts.netloc == address and "@" not in address:
            return
    except ValueError:
        pass
    raise Invalid(f"{address!r} is not an address.", hint="Write HOST:PORT, for example nats.example.org:4222.")


def _file(home: Home, name: str) -> Path:
    return home.run / f"worker-{name}.url"
