"""Reaction to an event of asyncio without polling."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


@asynccontextmanager
async def calling_when_set(event: asyncio.Event, call: Callable[[], None]) -> AsyncIterator[None]:
    """Within this context, call `call` once when the event is set. If the event is already set, call it soon."""

    async def wait() -> None:
        await event.wait()
        call()

    waiting = asyncio.create_task(wait())
    try:
        yield
    finally:
        waiting.cancel()
