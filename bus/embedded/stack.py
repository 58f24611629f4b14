"""Start, stop and status of the whole embedded stack of one home."""

import asyncio
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from bus import disk_room
from bus.embedded import nats, postgres
from bus.embedded.account import database_account
from bus.embedded.child import log_tail
from bus.embedded.endpoints import Endpoints
from bus.embedded.home import Home
from bus.embedded.json_file import read_record, write_record
from bus.embedded.log_file import LogLimits
from bus.embedded.moved_home import refuse_moved, report_copy
from bus.embedded.process import alive, end, gone
from bus.embedded.servers import servers
from bus.embedded.spec import ChildSpec
from bus.embedded.spec import plan as plan_spec
from bus.embedded.state import PLAN, PLAN_FILE, RESTART_LONGEST_S, STATE_FILE, StackPlan, ending
from bus.embedded.status import ChildStatus, StackStatus, status
from bus.worker_accounts import WorkerRight
from domain.errors import Conflict, Invalid, Unavailable
from domain.wording import counted

__all__ = ["ChildSpec", "ChildStatus", "Endpoints", "StackStatus", "down", "servers", "status", "up"]

START_WAIT_S = 180.0
START_FAILURES_MAX = 3
LAUNCH_WAIT_S = 30.0
STOP_MARGIN_S = 15.0
POLL_S = 0.05
# After SIGKILL a process still looks alive for a moment.
DYING_S = 0.1

NORMAL_LOGS = LogLimits()

Progress = Callable[[str], None]


async def up(
    home: Path,
    *,
    extra: Sequence[ChildSpec] = (),
    nats_url: str | None = None,
    worker_nats_url: str | None = None,
    postgres_dsn: str | None = None,
    rights: Sequence[WorkerRight] = (),
    restart_longest_s: float = RESTART_LONGEST_S,
    log_limits: LogLimits = NORMAL_LOGS,
    on_progress: Progress,
) -> StackStatus:
    """Start the stack if it does not run, and return when every child is ready.

    A server is not started if the caller gives its address. `worker_nats_url`: the address of a given NATS server for
    workers. `rights`: the rights of the workers' accounts in the embedded server. `restart_longest_s` limits the back-
    off of a child that keeps ending, and `log_limits` limits each log. A stack that already runs keeps its own limits.
    Raises Conflict if the running stack differs from the requested one. Raises Unavailable if a child does not start.
    All other children are stopped in that case.
    """
    folders = Home(home)
    folders.ensure()
    on_progress = _on_this_loop(on_progress)
    async with _alone(folders, on_progress):
        running = await _lives(folders, on_progress)
        if running:
            on_progress("already running")
            refuse_moved(folders)
            _must_match(folders, extra, nats_url, postgres_dsn)
        else:
            await asyncio.to_thread(_end_leftovers, folders, on_progress)
            report_copy(folders, on_progress)
            folders.adopt()
            given = Endpoints(nats_url or "", postgres_dsn or "", worker_nats_url or "")
            plan = await asyncio.to_thread(_plan, folders, extra, given, rights, on_progress)
            plan = msgspec.structs.replace(plan, restart_longest_s=restart_longest_s, log_limits=log_limits)
            write_record(folders.run / PLAN_FILE, plan)
            await asyncio.to_thread(_launch, folders)
        return await _until_ready(home, on_progress, launched=not running)


async def down(home: Path, *, on_progress: Progress) -> StackStatus:
    """Stop the children of the stack in reverse order. Return when no process of the stack runs any more."""
    folders = Home(home)
    on_progress = _on_this_loop(on_progress)
    state = folders.own_state()
    if state is None:
        return status(home)
    if alive(state.supervisor):
        on_progress("stopping")
        grace_s = STOP_MARGIN_S + sum(child.grace_s for child in state.children)
        await asyncio.to_thread(end, state.supervisor, grace_s=grace_s)
    await asyncio.to_thread(_end_leftovers, folders, on_progress)
    return status(home)


def _on_this_loop(on_progress: Progress) -> Progress:
    """Return a callback that a thread may call. It calls `on_progress` on the caller's event loop."""
    loop = asyncio.get_running_loop()

    def say(line: str) -> None:
        loop.call_soon_threadsafe(on_progress, line)

    return say


async def _lives(folders: Home, on_progress: Progress) -> bool:
    """Return whether a supervisor runs and will continue. If it is stopping or was killed, wait for its end."""
    state = folders.own_state()
    if state is None or not alive(state.supervisor):
        return False
    wait_s = DYING_S
    if state.stopping:
        on_progress("waiting for the previous stack to stop")
        wait_s = STOP_MARGIN_S + sum(child.grace_s for child in state.children)
    return not await asyncio.to_thread(gone, state.supervisor, wait_s)


def _end_leftovers(folders: Home, on_progress: Progress) -> None:
    """End the recorded processes that still run. A process that only has the same pid is not ended. Blocks."""
    state = folders.own_state()
    for child in reversed(state.children if state else ()):
        if child.process is not None and alive(child.process):
            on_progress(f"{child.name}: ending a process that a crash did not end")
            if not end(child.process, child.stop_signal, child.grace_s):
                raise Unavailable(
                    f"{child.name} (process {child.process.pid}) of an earlier start cannot be ended.",
                    hint=f"End process {child.process.pid} by hand, then try again.",
                    code="no_end",
                )


def _plan(
    folders: Home,
    extra: Sequence[ChildSpec],
    given: Endpoints,
    rights: Sequence[WorkerRight],
    on_progress: Progress,
) -> StackPlan:
    """Choose ports, make the database and write the settings. Blocks for some seconds the first time.

    `given`: the addresses of servers that the stack does not start; empty for the others.
    """
    children = []
    database: Path | None = None
    if not given.nats_url:
        _has_room(folders, on_progress)
        port, monitoring_port = folders.port("nats"), folders.port("nats-monitoring")
        children.append(nats.plan(folders.run, folders.nats_data, port, monitoring_port, folders.logs, rights))
        own = nats.url(port, nats.credentials(folders.run))
        given = msgspec.structs.replace(given, nats_url=own, worker_nats_url=nats.worker_url(folders.run, port))
    if not given.postgres_dsn:
        account = database_account()
        database = folders.settle(account)
        if str(database) != str(folders.data / "postgres"):
            on_progress(f"postgres: its data are in {database}")
        if not postgres.is_made(database):
            on_progress("postgres: creating the database, which takes some seconds the first time")
        children.append(postgres.plan(database, folders.logs / "postgres.log", account))
        given = msgspec.structs.replace(given, postgres_dsn=postgres.dsn(database))
    names = [*(child.name for child in children), *(spec.name for spec in extra)]
    distinct = frozenset(names)
    if len(distinct) != len(names):
        raise Invalid(
            f"Two children have the same name: {', '.join(sorted(names))}.", hint="Give each child its own name."
        )
    children += [plan_spec(spec, folders, given, distinct) for spec in extra]
    return StackPlan(
        endpoints=given,
        children=tuple(children),
        nats_data=str(folders.nats_data) if nats.NAME in distinct else None,
        postgres_data=str(database) if database else None,
    )


def _has_room(folders: Home, on_progress: Progress) -> None:
    """Raise Unavailable if the disk is too small for a new organisation. For an existing one, only report it."""
    free = disk_room.free_bytes(folders.path)
    if not disk_room.has_stream(folders.nats_data):
        disk_room.check(folders.path, free)
        on_progress(f"nats: the stream may grow to {disk_room.size_text(disk_room.stream_bytes(free))}")
    elif free < disk_room.FREE_BYTES_MIN:
        on_progress(f"The disk of {folders.path} has only {disk_room.size_text(free)} free.")


def _must_match(folders: Home, extra: Sequence[ChildSpec], nats_url: str | None, postgres_dsn: str | None) -> None:
    """Raise Conflict unless the running stack has every requested child and uses the given servers."""
    running = read_record(folders.run / PLAN_FILE, PLAN)
    assert running is not None, "a supervisor has a plan"
    present = {child.name for child in running.children}
    requested = {spec.name for spec in extra}
    if nats_url is None:
        requested.add(nats.NAME)
    if postgres_dsn is None:
        requested.add(postgres.NAME)
    differs = sorted(requested - present)
    if nats_url not in (None, running.endpoints.nats_url):
        differs.append("another AURA_NATS_URL")
    if postgres_dsn not in (None, running.endpoints.postgres_dsn):
        differs.append("another AURA_POSTGRES_DSN")
    if differs:
        raise Conflict(
            f"The stack that runs in {folders.path} does not have {', '.join(differs)}.",
            hint="Stop it (aura down), then start it again (aura up).",
            code="other_stack",
        )


def _launch(folders: Home) -> None:
    """Start the supervisor in its own session, and wait until it has detached itself."""
    (folders.run / STATE_FILE).unlink(missing_ok=True)
    with open(folders.logs / "supervisor.log", "ab") as log:
        subprocess.run(
            [sys.executable, "-m", "bus.embedded.supervisor", str(folders.run)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # The folder of this package, so that the interpreter always finds the package.
            cwd=Path(__file__).parents[2],
            start_new_session=True,
            timeout=LAUNCH_WAIT_S,
            check=True,
        )


async def _until_ready(home: Path, on_progress: Progress, *, launched: bool) -> StackStatus:
    """Wait until every child is ready. If a child does not start, stop the stack, but only if we launched it."""
    started = time.monotonic()
    reported: dict[str, str] = {}
    restarts_before = {} if launched else {child.name: child.restarts for child in status(home).children}
    seen_running = False
    while True:
        now = status(home)
        waited_s = time.monotonic() - started
        for child in now.children:
            _report(child, reported, on_progress)
        if now.ready:
            return now
        seen_running = seen_running or now.running
        if not now.running and (seen_running or waited_s > LAUNCH_WAIT_S):
            raise Unavailable(
                f"The supervisor ended: {log_tail(now.supervisor_log)}",
                hint=f"Its log is {now.supervisor_log}.",
                code="no_start",
            )
        for child in now.children:
            failures = child.restarts - restarts_before.get(child.name, 0)
            if child.ready or (waited_s < START_WAIT_S and failures < START_FAILURES_MAX):
                continue
            if launched:
                await down(home, on_progress=on_progress)
            why = f"ended {counted(failures, 'time')}" if failures else f"did not answer within {START_WAIT_S:.0f} s"
            raise Unavailable(
                f"{child.name} {why}: {log_tail(child.log)}", hint=f"Its log is {child.log}.", code="no_start"
            )
        await asyncio.sleep(POLL_S)


def _report(child: ChildStatus, reported: dict[str, str], on_progress: Progress) -> None:
    """Report a child's condition once after each change."""
    if child.ready:
        condition = "ready"
    elif child.alive:
        condition = "starting"
    else:
        condition = f"{ending(child.last_exit)}, starting again" if child.restarts else "waiting"
    if reported.get(child.name) != condition:
        reported[child.name] = condition
        on_progress(f"{child.name}: {condition}")


@asynccontextmanager
async def _alone(folders: Home, on_progress: Progress) -> AsyncIterator[None]:
    """Let only one `up` at a time work on a home. A second `up` waits, and then finds the running stack."""
    lock = os.open(folders.run / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        waits = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waits:
                    on_progress("waiting for another start in this home")
                    waits = True
                await asyncio.sleep(POLL_S)
        yield
    finally:
        os.close(lock)
