"""Consumers for tests: a runner of HR's projection, a gate that records its commands, and the rows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from agents.hr import HR
from bus.consumer import Runner
from bus.projection_rows import Row
from domain.message import Command
from projections.hr import HRProjection
from tests.integration.desks import WAIT_S, Desk, Desks

Kept = dict[str, dict[tuple[UUID, str], Row]]


class Crash(BaseException):
    """The process dies at this point."""


class Post:
    """HR's gate, with a record of the commands that went through it."""

    def __init__(self, desk: Desk) -> None:
        self.gate = desk.gate("hr")
        self.sent: list[Command] = []

    async def send(self, command: Command) -> object:
        self.sent.append(command)
        return await self.gate.handle(command)


def runner_of(desk: Desk, post: Post | None = None, **settings: object) -> Runner:
    reactor = settings.pop("reactor", None) or HR()
    projection = settings.pop("projection", None) or HRProjection()
    send = post.send if post is not None else Post(desk).send
    return Runner(
        desk.office.client,
        desk.office.store,
        projection,  # type: ignore[arg-type]  # by the callers
        reactor=reactor,  # type: ignore[arg-type]  # by the callers
        send=send,
        **settings,  # type: ignore[arg-type]  # by the callers
    )


@asynccontextmanager
async def at_work(*runners: Runner) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(runner.run(stop)) for runner in runners]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def consume(desks: Desks, desk: Desk, runner: Runner) -> Kept:
    """Run the consumer until it has passed all events, and return its rows from Postgres."""
    async with at_work(runner):
        await desks.recorded(desk)
        await passed(desk, runner)
        await desks.recorded(desk)
    return await kept(desk, runner)


async def passed(desk: Desk, runner: Runner) -> None:
    for _ in range(round(WAIT_S / 0.02)):
        if runner.position >= (await desk.office.stream.info()).last_seq:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the runner never caught up")


async def kept(desk: Desk, runner: Runner) -> Kept:
    found: Kept = {}
    async with desk.office.store.connection() as connection:
        for kind in runner.rows.tables.values():
            rows = await runner.tables.read_all(connection, kind)
            found[kind.table] = {(row.scope, row.key): row for row in rows}
    return found
