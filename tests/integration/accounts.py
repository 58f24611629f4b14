"""A nats-server with two accounts: one with JetStream for the manager, and one for a worker with few rights."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from bus.embedded.plan import ChildPlan
from bus.embedded.port import free_port
from bus.embedded.programs import nats_server
from bus.embedded.servers import Server


@asynccontextmanager
async def server_with_accounts(folder: Path, worker: str) -> AsyncIterator[str]:
    """Start the server and yield its address without a user. The users are manager (m) and worker (w)."""
    server = _server(folder, worker)
    await server.start()
    try:
        yield server.url
    finally:
        server.stop()


def _server(folder: Path, worker: str) -> Server:
    port, monitoring = free_port(), free_port()
    open_to_worker = ["$JS.API.DIRECT.GET.OBJ_AURA_PACKS", f"$O.AURA_UPLOAD_{worker}.>"]
    rights = {"publish": {"allow": open_to_worker}, "subscribe": {"allow": ["_INBOX.>"]}}
    settings = {
        "listen": f"127.0.0.1:{port}",
        "http": f"127.0.0.1:{monitoring}",
        "jetstream": {"store_dir": str(folder / "store")},
        "accounts": {
            "CORE": {
                "jetstream": "enabled",
                "users": [{"user": "manager", "password": "m"}],
                "exports": [{"service": subject, "accounts": ["WORKER"]} for subject in open_to_worker],
            },
            "WORKER": {
                "users": [{"user": "worker", "password": "w", "permissions": rights}],
                "imports": [{"service": {"account": "CORE", "subject": subject}} for subject in open_to_worker],
            },
        },
    }
    folder.mkdir(parents=True)
    config = folder / "nats.json"
    config.write_bytes(msgspec.json.encode(settings))
    plan = ChildPlan(
        name="nats",
        argv=(str(nats_server()), "--config", str(config)),
        log=str(folder / "nats.log"),
        env_only=True,
        probe=f"http:http://127.0.0.1:{monitoring}/healthz",
    )
    return Server(plan, f"nats://127.0.0.1:{port}", folder / "store")
