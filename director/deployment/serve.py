"""`aura serve`: runs roles in the foreground until a signal, then drains and stops them."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.metadata import version

import msgspec

from bus import event_loop, hops
from bus.embedded.endpoints import Endpoints
from bus.logger import SILENT, Logger
from director.settings import Settings
from domain.errors import Invalid
from observability.process_registry import checked_name, free_name, process_name
from runtime.composition import Organisation
from runtime.process_config import STAFF_ROLES, Setup

ORGANISATION = "organisation"
"""The name of the process that has every role."""


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """The roles that a process is to run. `name`: the name of the process in the home's folder run/.

    If `name` is empty, it is made from the roles. Two processes of one role need different names.
    """

    roles: tuple[str, ...]
    name: str = ""
    allow_degraded: bool = False


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """The roles that a process ran until it stopped."""

    roles: tuple[str, ...]
    drained: bool


async def serve_roles(
    settings: Settings,
    wanted: Serving,
    *,
    log: Logger = SILENT,
    note: Callable[[str], None] = lambda _: None,
    on_ready: Callable[[Sequence[str]], None] = lambda _: None,
    make: Callable[[Setup], Organisation] = Organisation,
) -> Served:
    """Run the roles until SIGTERM or SIGINT. Raises Invalid for an unknown role."""
    setup = _setup(settings, wanted, log, note)
    stop = asyncio.Event()

    def end(number: int) -> None:
        if not stop.is_set():
            log.info("stopping", signal=signal.Signals(number).name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end, number)

    def ready() -> None:
        log.info("ready")
        on_ready(setup.roles)

    log.info("started", pid=os.getpid(), version=version("aura-orchestra"), loop=event_loop.name_of(settings.loop))
    with event_loop.fewer_collections(), _traced(log) if settings.hops else nullcontext():
        await make(setup).run(stop, ready)
    log.info("stopped")
    return Served(roles=tuple(setup.roles), drained=True)


@contextmanager
def _traced(log: Logger) -> Iterator[None]:
    """Trace the hops of events, and write the median time of each hop to the log at the end."""
    with hops.recording() as tracer:
        yield
    for hop, ms, events in tracer.times():
        log.info("hop", name=hop, median_ms=round(ms, 3), events=events)


def _setup(settings: Settings, wanted: Serving, log: Logger, note: Callable[[str], None]) -> Setup:
    roles = _roles(wanted.roles)
    port = settings.listen_on()
    needs_log = any(role in STAFF_ROLES for role in roles)
    given = Endpoints(settings.nats_url or "", settings.postgres_dsn or "", settings.worker_nats_url or "")
    has_all = given.nats_url and given.postgres_dsn if needs_log else given.nats_url or given.worker_nats_url
    endpoints = given if has_all else settings.endpoints()
    return Setup(
        home=settings.root,
        nats_url=endpoints.nats_url if needs_log else "",
        worker_nats_url=endpoints.worker_nats_url or endpoints.nats_url,
        postgres_dsn=endpoints.postgres_dsn if needs_log else "",
        roles=roles,
        allow_degraded=wanted.allow_degraded or settings.allow_degraded,
        machine=settings.machine_id,
        boxes=settings.boxes(),
        environment=dict(os.environ),
        say=note,
        name=wanted.name or name_of(settings, wanted.roles),
        metrics_port=port,
        metrics_host=settings.listen_at(),
        log=log,
    )


def name_of(settings: Settings, wanted: Sequence[str], given: str = "") -> str:
    """Return the name of the process of these roles in the home's folder run/ and in the log.

    The name is `given`, or it is made from the roles, with a number if another process has the name.

    Raises Invalid.
    """
    if given:
        return checked_name(given)
    return free_name(settings.root, ORGANISATION if list(wanted) == ["all"] else process_name(_roles(wanted)))


def _roles(wanted: Sequence[str]) -> list[str]:
    """Parse roles. `all` means every role and every employee; `employee NAME` is one worker. Raises Invalid."""
    if list(wanted) == ["all"]:
        return [*STAFF_ROLES, "employees"]
    if wanted and wanted[0] == "employee":
        if len(wanted) != 2:
            raise Invalid(
                "`employee` needs one name.", hint="Write: aura serve employee NAME. `aura employees` lists the names."
            )
        return [f"employee:{wanted[1]}"]
    for role in wanted:
        if role not in (*STAFF_ROLES, "employees"):
            raise Invalid(
                f"There is no role {role}.",
                hint=f"Roles: all, {', '.join(STAFF_ROLES)}, employees, or `employee NAME`.",
            )
    return list(wanted)
