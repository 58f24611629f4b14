"""Status of a home, from its files and from the kernel. To read the status changes nothing."""

from pathlib import Path

import msgspec

from bus.disk_room import STREAM_BYTES_MAX, free_bytes, stream_bytes
from bus.embedded.endpoints import Endpoints
from bus.embedded.home import Home
from bus.embedded.json_file import read_record
from bus.embedded.process import alive
from bus.embedded.state import PLAN, PLAN_FILE, ChildState


class ChildStatus(msgspec.Struct, frozen=True):
    """`since`: Unix time (s) of its last change. `last_exit`: exit status, negative for a signal."""

    name: str
    pid: int | None
    alive: bool
    ready: bool
    restarts: int
    since: float | None
    last_exit: int | None
    log: str


class StackStatus(msgspec.Struct, frozen=True):
    """`running`: the supervisor runs. A data folder is None if the stack does not have that server, or not yet."""

    running: bool
    endpoints: Endpoints | None
    children: tuple[ChildStatus, ...]
    home: str
    nats_data: str | None
    postgres_data: str | None
    supervisor_pid: int | None
    supervisor_log: str

    @property
    def ready(self) -> bool:
        return self.running and all(child.ready for child in self.children)


def status(home: Path) -> StackStatus:
    """Return the state of the stack in this home. Creates nothing if the home does not exist."""
    folders = Home(home)
    state = folders.own_state()
    plan = read_record(folders.run / PLAN_FILE, PLAN) if state is not None else None
    running = state is not None and alive(state.supervisor)
    return StackStatus(
        running=running,
        endpoints=plan.endpoints if plan and running else None,
        children=tuple(_child(child) for child in state.children) if state else (),
        home=str(folders.path),
        nats_data=plan.nats_data if plan else None,
        postgres_data=plan.postgres_data if plan else folders.layout().postgres,
        supervisor_pid=state.supervisor.pid if state and running else None,
        supervisor_log=str(folders.logs / "supervisor.log"),
    )


def stream_room(home: Path) -> int:
    """Return the largest size of a new stream. If the server belongs to the home, its disk limits the size."""
    if status(home).nats_data is None:
        return STREAM_BYTES_MAX  # another server knows the space on its own disk
    return stream_bytes(free_bytes(home))


def _child(state: ChildState) -> ChildStatus:
    lives = alive(state.process)
    return ChildStatus(
        name=state.name,
        pid=state.process.pid if state.process and lives else None,
        alive=lives,
        ready=state.ready and lives,
        restarts=state.restarts,
        since=state.since,
        last_exit=state.last_exit,
        log=state.log,
    )
