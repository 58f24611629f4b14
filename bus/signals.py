"""Reactions to events and futures of asyncio without polling."""

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


async def wait_at_most(waiting: "asyncio.Future[None]", wait_s: float) -> None:
    """Wait until a future ends. End it after `wait_s`. It costs half as much as asyncio.timeout."""
    late = asyncio.get_running_loop().call_later(wait_s, end, waiting)
    try:
        await waiting
    finally:
        late.cancel()


def end(waiting: "asyncio.Future[None]") -> None:
    """End a future, if it has not ended yet."""
    if not waiting.done():
        waiting.set_result(None)
