"""Settings, credentials and plan of nats-server."""

import secrets
from pathlib import Path

import msgspec

from bus.embedded.json_file import read_record, write_private, write_record
from bus.embedded.plan import ChildPlan
from bus.embedded.programs import nats_server

NAME = "nats"
PAYLOAD_BYTES_MAX = 16 * 1024 * 1024
MEMORY_STORE_BYTES_MAX = 256 * 1024 * 1024
FILE_STORE_BYTES_MAX = 1024**4
"""Limit of all streams. The default would be three quarters of the free disk space. Each stream has its own limit."""
USER = "aura"


class Credentials(msgspec.Struct, frozen=True):
    user: str
    password: str


_credentials = msgspec.json.Decoder(Credentials)


def credentials(folder: Path) -> Credentials:
    """Return the only user of this server. It is created once, in a file that only its owner can read."""
    path = folder / "nats-credentials.json"
    stored = read_record(path, _credentials)
    if stored is None:
        stored = Credentials(USER, secrets.token_urlsafe(24))
        write_record(path, stored)
    return stored


def url(port: int, login: Credentials) -> str:
    return f"nats://{login.user}:{login.password}@127.0.0.1:{port}"


def plan(folder: Path, store: Path, port: int, monitoring_port: int, logs: Path) -> ChildPlan:
    """Write the settings to `folder` and return the plan that starts the server. `store` holds the streams."""
    login = credentials(folder)
    settings = {
        "server_name": "aura",
        "listen": f"127.0.0.1:{port}",
        "http": f"127.0.0.1:{monitoring_port}",
        "max_payload": PAYLOAD_BYTES_MAX,
        "authorization": {"user": login.user, "password": login.password},
        "jetstream": {
            "store_dir": str(store),
            "sync_interval": "always",
            "max_memory_store": MEMORY_STORE_BYTES_MAX,
            "max_file_store": FILE_STORE_BYTES_MAX,
        },
    }
    path = folder / "nats.json"
    write_private(path, msgspec.json.format(msgspec.json.encode(settings), indent=1))
    store.mkdir(parents=True, exist_ok=True)
    return ChildPlan(
        name=NAME,
        argv=(str(nats_server()), "--config", str(path)),
        log=str(logs / "nats.log"),
        env={},
        env_only=True,
        probe=f"http:http://127.0.0.1:{monitoring_port}/healthz",
    )
