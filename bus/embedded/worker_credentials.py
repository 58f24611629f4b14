"""Credentials of workers in the embedded NATS server: list, add and remove them while the server runs."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import msgspec

from bus.embedded import nats, probe
from bus.embedded.home import Home
from bus.embedded.process import ProcessId, send
from bus.worker_accounts import DEFAULT_WORKER, WorkerCredential, WorkerRight, checked_worker_name
from domain.errors import Conflict, NotFound, Refused, Unavailable

LOCK_FILE = "nats-workers.lock"
RELOADS = 2
"""nats-server 2.15 connects the imports of a new account to the present exports only at the second reload."""
RELOAD_WAIT_S = 10.0
POLL_S = 0.05
PAGE_WAIT_S = 1.0
_page = msgspec.json.Decoder(dict[str, object])


def of_home(home: Home) -> tuple[WorkerCredential, ...]:
    """Return the credentials. Raises Unavailable if the home has no embedded server."""
    _has_server(home)
    return nats.workers(home.run)


def add(home: Home, name: str, employees: Sequence[UUID], rights: Sequence[WorkerRight]) -> str:
    """Add a credential for these employees, or for all employees if the list is empty. Return its address. Blocks.

    Raises Invalid for a bad name, Conflict if the name exists, Unavailable if the server does not reload.
    """
    checked_worker_name(name)
    with _alone(home):
        present = of_home(home)
        if any(known.name == name for known in present):
            raise Conflict(
                f"The worker's credential {name} exists.",
                hint=f"Choose another name, or remove the credential first: aura worker remove {name}",
                code="exists",
            )
        added = msgspec.structs.replace(nats.new_worker(name), employees=tuple(employees))
        _keep(home, (*present, added), rights)
    return nats.url(home.layout().ports["nats"], added)


def remove(home: Home, name: str, rights: Sequence[WorkerRight]) -> None:
    """Remove a credential. The server closes its connections. Blocks.

    Raises NotFound, Unavailable. Raises Refused for the credential of the home's own workers.
    """
    if name == DEFAULT_WORKER:
        raise Refused(
            f"The credential {name} belongs to the workers of this home.", hint="Only added credentials can be removed."
        )
    with _alone(home):
        present = of_home(home)
        if all(known.name != name for known in present):
            raise NotFound(f"There is no worker's credential {name}.", hint="`aura worker list` shows the names.")
        _keep(home, [known for known in present if known.name != name], rights)


def _keep(home: Home, credentials: Sequence[WorkerCredential], rights: Sequence[WorkerRight]) -> None:
    nats.keep_workers(home.run, credentials)
    nats.write_accounts(home.run, rights)
    process = _server(home)
    if process is not None:
        _reload(home, process)


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Let only one process at a time change the credentials of a home. Blocks."""
    _has_server(home)
    lock = os.open(home.run / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _has_server(home: Home) -> None:
    if not (home.run / nats.SETTINGS_FILE).exists():
        raise Unavailable(
            f"The home {home.path} has no NATS server of its own.",
            hint="Run `aura up` first. For a server of your own, docs/operators.md shows the accounts.",
            code="no_server",
        )


def _server(home: Home) -> ProcessId | None:
    """Return the running server of the home, from the supervisor's record; None if it does not run."""
    state = home.own_state()
    return next((child.process for child in state.children if child.name == nats.NAME), None) if state else None


def _reload(home: Home, server: ProcessId) -> None:
    """Let the server read its settings again, and wait until it did."""
    for _ in range(RELOADS):
        before = _loaded_at(home)
        if not send(server, signal.SIGHUP):
            return  # it has ended, and its next start reads the settings
        deadline = time.monotonic() + RELOAD_WAIT_S
        while _loaded_at(home) in (before, None):
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"nats-server did not read its settings again within {RELOAD_WAIT_S:.0f} s.",
                    hint=f"Its log is {home.logs / 'nats.log'}. After `aura down` and `aura up` the settings apply.",
                    code="no_reload",
                )
            time.sleep(POLL_S)


def _loaded_at(home: Home) -> object:
    """Return when the server last read its settings, as the server writes it; None if it does not answer."""
    answer = probe.get(f"http://127.0.0.1:{home.layout().ports['nats-monitoring']}/varz", PAGE_WAIT_S)
    return _page.decode(answer[1]).get("config_load_time") if answer else None
