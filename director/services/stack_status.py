"""The state of the stack: servers, processes, organisation, and the positions of its readers."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import msgspec

from bus import disk_room
from bus.checkpoints import checkpoints
from bus.embedded import nats, postgres, stack
from bus.embedded.home import Home
from bus.lease import MANAGER_KEY, holder_of
from bus.store import Store
from bus.stream import Stream, connect
from director.deployment.child_names import HTTP_CHILD
from director.notify.progress import failing_receivers
from director.services.budget import warned_caps
from director.services.parked import parked_data
from director.services.process_list import SILENT, processes
from director.services.views import rows
from director.services.waiting import Waits
from director.settings import Settings
from director.terminal.text import masked
from domain.errors import AuraError, Unavailable
from projections.consumer_names import CONSUMER_NAMES

SERVERS = (nats.NAME, postgres.NAME)
ANSWER_WAIT_S = 2.0
_READY = {"ready": True}


async def stack_data(settings: Settings) -> dict[str, Any]:
    """Return servers, data folders, the organisation's phase, and the positions of recorder and consumers.

    `missing`: the names of servers and processes that do not run, do not answer or are not ready.
    """
    found = stack.status(settings.root)
    data: dict[str, Any] = {
        "running": found.running or bool(settings.nats_url and settings.postgres_dsn),
        "home": str(settings.root),
        "nats_url": masked(settings.nats_url or (found.endpoints.nats_url if found.endpoints else "")),
        "nats_data": found.nats_data,
        "postgres_data": found.postgres_data,
        "children": [msgspec.to_builtins(child) for child in found.children],
        "processes": [],
        "supervisor_pid": found.supervisor_pid,
        "api": api_url(settings),
        "notify": [msgspec.to_builtins(each) for each in failing_receivers(settings.root)],
        "disk_free": disk_room.free_bytes(settings.root),
        "positions": {},
        "problem": None,
        "missing": [],
    }
    listed = asyncio.create_task(processes(settings.root, found.children))
    if not data["running"]:
        return data | {"processes": await listed}
    servers: dict[str, dict[str, Any]] = {name: {"name": name, "ready": True} for name in SERVERS}
    try:
        data |= await _log_data(settings, servers)
    except AuraError as error:
        data["problem"] = str(error)
    data["processes"] = await listed
    for process in data["processes"]:  # a server that does not answer here is not ready, whatever its process reports
        process |= {} if servers.get(process["name"], _READY)["ready"] else servers[process["name"]]
        servers[process["name"]] = process
    data["missing"] = [name for name, one in servers.items() if not one["ready"]]
    return data


def api_url(settings: Settings) -> str | None:
    """Return the address of the HTTP API that `aura up` has started; None if there is none."""
    if not any(child.name == HTTP_CHILD and child.pid for child in stack.status(settings.root).children):
        return None
    port = Home(settings.root).layout().ports.get(HTTP_CHILD)
    return f"http://127.0.0.1:{port}" if port else None


async def is_served(port: int) -> bool:
    """Return whether anything accepts connections at a port of this machine."""
    try:
        async with asyncio.timeout(ANSWER_WAIT_S):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def stack_fault(data: Mapping[str, Any]) -> Unavailable | None:
    """Return the error that names the missing parts of a stack; None if every part is there."""
    if not data["running"]:
        return Unavailable(f"Nothing runs in {data['home']}.", hint="Start the organisation: `aura up`")
    if not data["missing"]:
        return Unavailable(data["problem"], hint="Read the logs: aura logs") if data["problem"] else None
    names, known = data["missing"], {one["name"] for one in data["processes"]}
    if names[0] in known:
        hint = f"The supervisor restarts a process that has ended. Read its log: aura logs {names[0]}"
    else:
        hint = "Check the server that AURA_NATS_URL or AURA_POSTGRES_DSN names."
    return Unavailable(f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} not ready.", hint=hint)


async def _log_data(settings: Settings, processes: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the part of the data that comes from the servers.

    Raises Unavailable if a server does not answer. The line of its process then has the state "not ready".
    """
    endpoints = settings.endpoints()
    async with AsyncExitStack() as closing:
        with _answers(processes[nats.NAME]):
            client = await connect(endpoints.nats_url, name="aura-status")
        closing.push_async_callback(client.close)
        with _answers(processes[postgres.NAME]):
            store = await Store.open(endpoints.postgres_dsn, pool_max=2)
        closing.push_async_callback(store.close)
        stream = await Stream(client).info()
        last = stream.last_seq
        consumers = await checkpoints(store, CONSUMER_NAMES)
        positions = {"recorder": await store.recorded_up_to()} | consumers
        phase = await rows(store, "door_organisation")
        return {
            "last_event": last,
            "stream": {"bytes": stream.bytes_used, "bytes_max": stream.bytes_max},
            "positions": positions,
            "lag": {name: last - seq for name, seq in positions.items()},
            "organisation": phase[0]["phase"] if phase else "unfounded",
            "parked": await parked_data(store),
            "waiting": await Waits(store, settings).all(before=consumers),
            "budgets": await warned_caps(store),
            "leader": msgspec.to_builtins(await holder_of(client, MANAGER_KEY)),
        }


@contextmanager
def _answers(server: dict[str, Any]) -> Iterator[None]:
    """Mark a server as not ready if it does not answer, even if the supervisor reports it as ready."""
    try:
        yield
    except Unavailable:
        server |= {"ready": False, "problems": [SILENT]}
        raise
