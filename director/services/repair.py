"""Behind `aura repair`: say what is wrong between stream and store, and with --yes rebuild the stream."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bus import fork_check
from bus.embedded import stack
from bus.embedded.home import Home
from bus.embedded.stack import Endpoints
from bus.rehydration import rehydrate
from bus.store import Store
from bus.stream import Stream, connect
from director.settings import Settings
from director.terminal.output import Door
from domain.errors import AuraError, Refused, Unavailable


async def repair_stream(settings: Settings, door: Door, *, yes: bool) -> None:
    """Rebuild the stream from Postgres. Raises Refused without --yes; nothing is touched then."""
    async with _servers(settings, door) as endpoints:
        await _repair(endpoints, door, yes=yes)


@asynccontextmanager
async def _servers(settings: Settings, door: Door) -> AsyncIterator[Endpoints]:
    """The running servers; the home's own ones for as long as the repair takes when an `aura up` has given up."""
    if stack.status(settings.root).running or (settings.nats_url and settings.postgres_dsn):
        yield settings.endpoints()
        return
    if Home(settings.root).layout().postgres is None:
        settings.endpoints()  # nothing was ever here: it says so
    await stack.up(settings.root, nats_url=settings.nats_url, postgres_dsn=settings.postgres_dsn, on_progress=door.note)
    try:
        yield settings.endpoints()
    finally:
        await stack.down(settings.root, on_progress=door.note)


async def _repair(endpoints: Endpoints, door: Door, *, yes: bool) -> None:
    client = await connect(endpoints.nats_url, name="aura-repair")
    store = await Store.open(endpoints.postgres_dsn)
    try:
        problem = await _problem(Stream(client), store)
        if problem is None:
            door.answer({"repaired": False}, "Stream and store are the same log. Nothing to repair.")
            return
        if not yes:
            raise Refused(problem.message, hint="`aura repair --yes` deletes the stream and rebuilds it from Postgres.")
        first, last = await rehydrate(client, store, lambda done, every: door.note(f"{done} of {every} events"))
        await fork_check.check(Stream(client), store)
        door.answer(
            {"repaired": True, "first": first, "last": last}, f"The stream holds events {first} to {last} again."
        )
    finally:
        await client.close()
        await store.close()


async def _problem(stream: Stream, store: Store) -> AuraError | None:
    try:
        await fork_check.check(stream, store)
    except fork_check.Forked as fork:
        return fork
    except Unavailable as missing:
        return missing  # no stream at all
    return None
