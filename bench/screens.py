"""Measurement of the desk: first byte and bytes of each screen on a large log, and many clients of its streams.

The log repeats the events of real runs (bench/large_log.py). Server and clients share one process, so the times are
upper limits. The users are on the stream of the organisation, and the rows are those of the large log.
"""

import asyncio
import random
import resource
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import httpx2
import msgspec
import uvicorn

from bench.figures import quantile
from bench.firm import Firm
from bench.kinds_of_runs import run_each_kind
from bench.large_log import LargeLog, real_events, write_large_log
from bus.history import Historian
from bus.store import Store, recorded_up_to
from director.http.app import make_app
from director.http.pages.screens import SCREENS
from director.http.sign_in import Doorkeeper
from director.http.stream import STREAMS_MAX, STREAMS_OF_USER_MAX
from director.services.run_list import RUNS_MAX, RunsWanted, runs_page
from director.services.views import PEOPLE
from director.settings import Settings
from domain.errors import Failed
from domain.user import Create, user_id
from governance.credentials import Credentials
from governance.log_session import LogSession
from projections.past_rows import PROJECTIONS
from projections.replay import rebuild
from sql import named

P95 = 0.95
WAIT_S = 60.0
APART_S = 0.8
"""Time between two events that the streams tell. A page is told at most twice a second."""
MB = 1000**2
KIB = 1024
EMPTY_PAGE = "/sign-in"
"""A page that reads nothing. It shows what the server and the machine need for any answer."""
STREAMS: Mapping[str, str] = {"/live?after={last}": "event: changed", "/api/events/live?after={last}": "id: "}
"""Address of a stream -> the beginning of the line that tells an event."""


class ScreensSize(msgspec.Struct, frozen=True):
    """`events`: in the log. `asked`: requests of each screen. `told`: events that the streams tell."""

    events: int
    asked: int
    told: int


class Desk(NamedTuple):
    """A running server on the large log. `names`: what addresses can name. `tokens`: one of each reader."""

    port: int
    store: Store
    names: Mapping[str, str]
    tokens: Sequence[str]
    coming: Sequence[Any]
    events: int


@asynccontextmanager
async def desk(firm: Firm, size: ScreensSize) -> AsyncIterator[Desk]:
    """Make the log, its rows and its history, and serve the desk on it."""
    await run_each_kind(firm)
    log = LargeLog(await real_events(firm.office.store))
    readers = [f"reader-{number}" for number in range(STREAMS_MAX // STREAMS_OF_USER_MAX + 1)]
    for name in readers:
        await firm.director.handle(Create(id=uuid4(), at=1, user=user_id(name), name=name, roles=("viewer",)))
    store = await firm.store("desk")
    await write_large_log(store, log, size.events)
    for projection in PROJECTIONS.values():
        await rebuild(store, projection)
        await Historian(store, projection, paced=False).catch_up()
    tokens = [(await Credentials(store).create_token(user_id(name), name, ["read"], 1))[1] for name in readers]
    office = LogSession(firm.office.client, store)
    settings = Settings()
    settings.home, settings.nats_url = firm.home, firm.endpoints.nats_url
    app = make_app(Doorkeeper(settings, office, secure=False))
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)
    names = {"employee": str((await PEOPLE.read(store))[0].employee), "event": "1000"}
    names["run"] = str(await _oldest_run(store))  # it exists as of every event that is asked for
    coming = list(islice(log.events(size.events + size.told), size.events, None))
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Desk(port, store, names, tokens, coming, size.events)
    finally:
        server.should_exit = True
        await serving
        await store.close()


async def _oldest_run(store: Store) -> UUID:
    page = await runs_page(store, RunsWanted(limit=RUNS_MAX))
    while page.next is not None:
        page = await runs_page(store, RunsWanted(limit=RUNS_MAX, after=page.next))
    return page.runs[-1].run


async def measured_screens(here: Desk, size: ScreensSize) -> list[str]:
    """Return a line of the table for each screen: first byte and bytes, live and as of random events."""
    lines = []
    headers = {"Authorization": f"Bearer {here.tokens[0]}", "Accept": "text/html"}
    url = f"http://127.0.0.1:{here.port}"
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=WAIT_S, trust_env=False) as client:
        lines.append(f"| {EMPTY_PAGE} | {await _asked(client, EMPTY_PAGE, [{}] * size.asked)} | - |")
        for screen in SCREENS:
            try:
                path = screen.path.format(**here.names)
            except KeyError:
                continue  # the log has no such thing
            live = await _asked(client, path, [{}] * size.asked)
            past = [{"as_of": str(random.randint(here.events // 2, here.events))} for _ in range(size.asked)]
            old = await _asked(client, path, past) if screen.as_of else "-"
            lines.append(f"| {screen.title} | {live} | {old} |")
    return lines


async def _asked(client: httpx2.AsyncClient, path: str, queries: Sequence[Mapping[str, str]]) -> str:
    """Return the median and the 95th percentile of the first byte (ms), and the most bytes (KB), as text."""
    times, most = list[float](), 0
    await client.get(path)  # the first answer compiles the template
    for query in queries:
        begun, first, received = time.perf_counter(), 0.0, 0
        async with client.stream("GET", path, params=query) as answer:
            async for part in answer.aiter_raw():
                first = first or 1000 * (time.perf_counter() - begun)
                received += len(part)
        if answer.status_code != 200:
            raise Failed(f"{path} {query} has the status {answer.status_code}.")
        times.append(first)
        most = max(most, received)
    return f"{quantile(times, 0.5):.0f} / {quantile(times, P95):.0f} ms, {most / 1000:.0f} KB"


async def measured_streams(here: Desk) -> list[str]:
    """Return the lines about STREAMS_MAX clients: the time from a stored event to each client, and the memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB / MB
    received: dict[str, list[float]] = {path: [] for path in STREAMS}
    stored = [0.0]
    opened = asyncio.Semaphore(0)
    tasks = [
        asyncio.create_task(_followed(here, list(STREAMS)[number % len(STREAMS)], number, stored, received, opened))
        for number in range(STREAMS_MAX)
    ]
    for _ in tasks:
        await asyncio.wait_for(opened.acquire(), WAIT_S)
    for seq, coming in enumerate(here.coming, here.events + 1):
        await asyncio.sleep(APART_S)
        stored[0] = await _stored(here.store, seq, coming)
    await asyncio.sleep(2 * APART_S)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB / MB
    lines = []
    for path, times in received.items():
        name = path.partition("?")[0]
        shown = f"{quantile(times, 0.5):.0f} / {quantile(times, P95):.0f} ms" if times else "-"
        lines.append(f"| `{name}` | {STREAMS_MAX // len(STREAMS)} | {len(times)} | {shown} |")
    return [*lines, "", f"The process (server and clients) grew from {before:.0f} to {after:.0f} MB."]


async def _followed(
    here: Desk,
    path: str,
    number: int,
    stored: Sequence[float],
    received: Mapping[str, list[float]],
    opened: asyncio.Semaphore,
) -> None:
    """Follow one stream, and note the time from the last stored event to each line that tells it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
    token = here.tokens[number // STREAMS_OF_USER_MAX]
    where = path.format(last=here.events)
    writer.write(f"GET {where} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    if b" 200 " not in await reader.readline():
        raise Failed(f"The stream {where} was refused.")
    opened.release()
    try:
        while line := await reader.readline():
            if line.startswith(STREAMS[path].encode()) and stored[0]:
                received[path].append(1000 * (time.perf_counter() - stored[0]))
    finally:
        writer.close()


async def _stored(store: Store, seq: int, coming: Any) -> float:
    """Store one event as the recorder does, and return the time."""
    template, envelope, payload, values = coming
    run = values[template.run].decode() if template.run is not None else None
    ids = (values[template.id].decode(), template.known.type, values[template.entity].decode(), run)
    async with store.connection() as connection, connection.transaction():
        last = await recorded_up_to(connection)
        await connection.copy_records_to_table("event", records=[(seq, *ids, envelope)], schema_name="log")
        if payload is not None:
            record = (seq, template.event.salt, payload, template.event.blobs)
            await connection.copy_records_to_table("payload", records=[record], schema_name="log")
        await connection.execute(named("recorder_advance"), last, seq)
    return time.perf_counter()


WORDS = """The log has {events:,} events and {runs:,} runs. Each cell has the median and the 95th percentile of the time
to the first byte, and the most bytes of a page without compression. Each screen was asked for {asked} times, by one
client after the other. /sign-in reads nothing: compare the others with it. As of: random events of the second half of
the log. Server and client share one process."""
STREAM_WORDS = """{clients} clients follow the streams of one process, half of them each. The time is from the commit of
an event to the client. A page is told at most twice a second, and then asks for its parts again."""


async def measured(firm: Firm, size: ScreensSize) -> str:
    """Return the section about the screens."""
    async with desk(firm, size) as here:
        async with here.store.connection() as connection:
            runs = await connection.fetchval(named("bench_runs"))
        lines = [
            "## Screens of the desk",
            "",
            WORDS.format(events=size.events, runs=runs, asked=size.asked),
            "",
            "| screen | now | as of |",
            "| --- | --- | --- |",
            *await measured_screens(here, size),
            "",
            STREAM_WORDS.format(clients=STREAMS_MAX),
            "",
            "| stream | clients | notices | time |",
            "| --- | --- | --- | --- |",
            *await measured_streams(here),
            "",
        ]
    return "\n".join(lines)
