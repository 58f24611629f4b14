"""Settings, credentials and plan of nats-server."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bus.embedded.json_file import read_record, write_private, write_record
from bus.embedded.plan import ChildPlan
from bus.embedded.programs import nats_server
from bus.worker_accounts import CORE, DEFAULT_WORKER, WorkerCredential, WorkerRight, accounts

NAME = "nats"
PAYLOAD_BYTES_MAX = 16 * 1024 * 1024
MEMORY_STORE_BYTES_MAX = 256 * 1024 * 1024
FILE_STORE_BYTES_MAX = 1024**4
"""Limit of all streams. The default would be three quarters of the free disk space. Each stream has its own limit."""
USER = "aura"
PASSWORD_BYTES = 24
SETTINGS_FILE = "nats.json"
WORKERS_FILE = "nats-workers.json"
GLOBAL_ACCOUNT = "$G"
"""The account of a server without accounts. Up to release 0.1.0 the streams belonged to it."""


class Credentials(msgspec.Struct, frozen=True):
    user: str
    password: str


class WorkerCredentials(msgspec.Struct, frozen=True):
    """The content of run/nats-workers.json: one credential for each worker process."""

    workers: tuple[WorkerCredential, ...]


_credentials = msgspec.json.Decoder(Credentials)
_workers = msgspec.json.Decoder(WorkerCredentials)
_settings = msgspec.json.Decoder(dict[str, Any])


def credentials(folder: Path) -> Credentials:
    """Return the login of the account CORE. It is created once, in a file that only its owner can read."""
    path = folder / "nats-credentials.json"
    stored = read_record(path, _credentials)
    if stored is None:
        stored = Credentials(USER, secrets.token_urlsafe(PASSWORD_BYTES))
        write_record(path, stored)
    return stored


def workers(folder: Path) -> tuple[WorkerCredential, ...]:
    """Return the credentials of the workers. The first one is created once, and serves all employees."""
    stored = read_record(folder / WORKERS_FILE, _workers)
    if stored is None:
        stored = WorkerCredentials((new_worker(DEFAULT_WORKER),))
        write_record(folder / WORKERS_FILE, stored)
    return stored.workers


def keep_workers(folder: Path, credentials_of_workers: Sequence[WorkerCredential]) -> None:
    """Store the credentials of the workers. A server reads them after `write_accounts` and a reload."""
    write_record(folder / WORKERS_FILE, WorkerCredentials(tuple(credentials_of_workers)))


def new_worker(name: str) -> WorkerCredential:
    """Return a credential with a new password, for all employees."""
    return WorkerCredential(name, secrets.token_urlsafe(PASSWORD_BYTES))


def url(port: int, login: Credentials | WorkerCredential) -> str:
    user = login.user if isinstance(login, Credentials) else login.name
    return f"nats://{user}:{login.password}@127.0.0.1:{port}"


def worker_url(folder: Path, port: int) -> str:
    """Return the address for the process that serves all employees."""
    return url(port, next(worker for worker in workers(folder) if worker.name == DEFAULT_WORKER))


def plan(
    folder: Path, store: Path, port: int, monitoring_port: int, logs: Path, rights: Sequence[WorkerRight] = ()
) -> ChildPlan:
    """Write the settings to `folder` and return the plan that starts the server. `store` holds the streams.

    `rights`: the rights of the workers' accounts. The server must not run: streams of an older release may move.
    """
    settings = {
        "server_name": "aura",
        "listen": f"127.0.0.1:{port}",
        "http": f"127.0.0.1:{monitoring_port}",
        "max_payload": PAYLOAD_BYTES_MAX,
        "accounts": _accounts(folder, rights),
        "jetstream": {
            "store_dir": str(store),
            "sync_interval": "always",
            "max_memory_store": MEMORY_STORE_BYTES_MAX,
            "max_file_store": FILE_STORE_BYTES_MAX,
        },
    }
    path = folder / SETTINGS_FILE
    _write(path, settings)
    store.mkdir(parents=True, exist_ok=True)
    move_streams(store)
    return ChildPlan(
        name=NAME,
        argv=(str(nats_server()), "--config", str(path)),
        log=str(logs / "nats.log"),
        env={},
        env_only=True,
        probe=f"http:http://127.0.0.1:{monitoring_port}/healthz",
    )


def write_accounts(folder: Path, rights: Sequence[WorkerRight]) -> None:
    """Write the present accounts into the settings of an earlier `plan`. The server reads them at a reload."""
    path = folder / SETTINGS_FILE
    _write(path, {**_settings.decode(path.read_bytes()), "accounts": _accounts(folder, rights)})


def move_streams(store: Path) -> None:
    """Give the streams of the global account to the account CORE, once. The server must not run."""
    old, new = store / "jetstream" / GLOBAL_ACCOUNT, store / "jetstream" / CORE
    if old.is_dir() and not new.exists():
        old.rename(new)


def _accounts(folder: Path, rights: Sequence[WorkerRight]) -> dict[str, Any]:
    login = credentials(folder)
    return accounts(login.user, login.password, workers(folder), rights)


def _write(path: Path, settings: dict[str, Any]) -> None:
    write_private(path, msgspec.json.format(msgspec.json.encode(settings), indent=1))
