"""The repair of a stream that differs from the event store: a fork, a lost stream, or another home's stream."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from bus import fork_check
from bus.embedded import stack
from bus.embedded.home import Home
from bus.embedded.stack import Endpoints
from bus.embedded.status import stream_room
from bus.rehydration import rehydrate
from bus.store import Store
from bus.stream import Stream, connect
from director.settings import Settings
from domain.errors import AuraError, Refused, Unavailable
from domain.wording import counted
from governance.authority import WORKER_RIGHTS

Note = Callable[[str], None]


class RepairReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result of a repair. `repaired` False: stream and store were the same log.

    `first`, `last`: the first and last sequence of the rebuilt stream.
    """

    repaired: bool
    first: int | None = None
    last: int | None = None


async def repair_stream(settings: Settings, *, yes: bool, note: Note = lambda _: None) -> RepairReport:
    """Compare stream and store, and rebuild the stream from Postgres if they differ.

    Raises Refused, and changes nothing, if a rebuild is needed and `yes` is False.
    """
    async with _servers(settings, note) as endpoints:
        return await _repair(endpoints, stream_room(settings.root), yes=yes, note=note)


@asynccontextmanager
async def _servers(settings: Settings, note: Note) -> AsyncIterator[Endpoints]:
    """Yield the addresses of the servers. If none runs, start the home's own servers for the time of the repair."""
    if stack.status(settings.root).running or (settings.nats_url and settings.postgres_dsn):
        yield settings.endpoints()
        return
    if Home(settings.root).layout().postgres is None:
        settings.endpoints()  # this home never had servers: raises Unavailable
    await stack.up(
        settings.root,
        nats_url=settings.nats_url,
        postgres_dsn=settings.postgres_dsn,
        rights=WORKER_RIGHTS,
        on_progress=note,
    )
    try:
        yield settings.endpoints()
    finally:
        await stack.down(settings.root, on_progress=note)


async def _repair(endpoints: Endpoints, stream_bytes_max: int, *, yes: bool, note: Note) -> RepairReport:
    client = await connect(endpoints.nats_url, name="aura-repair")
    store = await Store.open(endpoints.postgres_dsn)
    try:
        problem = await _problem(Stream(client), store)
        if problem is None:
            return RepairReport(repaired=False)
        if not yes:
            raise Refused(problem.message, hint="`aura repair --yes` deletes the stream and rebuilds it from Postgres.")
        first, last = await rehydrate(
            client,
            store,
            lambda done, every: note(f"{done} of {counted(every, 'event')}"),
            stream_bytes_max=stream_bytes_max,
        )
        await fork_check.check(Stream(client), store)
        return RepairReport(repaired=True, first=first, last=last)
    finally:
        await client.close()
        await store.close()


async def _problem(stream: Stream, store: Store) -> AuraError | None:
    """Return the difference between stream and store as an error; None if they are the same log."""
    try:
        await fork_check.check(stream, store)
    except fork_check.Forked as fork:
        return fork
    except Unavailable as missing:
        return missing  # there is no stream
    return None
