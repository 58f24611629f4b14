"""Waits that a cancellation cannot interrupt. The work ends first, and then the cancellation is raised.

These functions wait for futures, never for tasks: an event loop that shuts down cancels every task, also cleanup tasks.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def settled(*futures: "asyncio.Future[Any] | None") -> asyncio.CancelledError | None:
    """Wait until all futures are done.

    Return the last cancellation that came during the wait. The caller must raise it when it has finished its work.
    """
    cancelled = None
    while pending := [each for each in futures if each is not None and not each.done()]:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled


async def in_thread(work: Callable[[], T]) -> T:
    """Run `work` in a thread and wait until it ends, even if the caller is cancelled."""
    future = asyncio.get_running_loop().run_in_executor(None, work)
    cancelled = await settled(future)
    if cancelled:
        future.exception()  # mark an error as retrieved, because the caller gets the cancellation instead
        raise cancelled
    return future.result()


def begun(work: Callable[[], Coroutine[Any, Any, T]]) -> "asyncio.Future[T]":
    """Run a coroutine in a thread with its own event loop, and return the future of its result.

    When the caller's loop ends, it cancels its tasks, but not this coroutine. So a request to a server always gets its
    answer, and the caller learns what the server created.
    """
    return asyncio.get_running_loop().run_in_executor(None, lambda: asyncio.run(work()))


def end_of(handle: int) -> "asyncio.Future[None]":
    """Return a future that is done when the process of the pidfd `handle` has ended.

    Call `forget` before you close the descriptor.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        loop.remove_reader(handle)
        if not ended.done():
            ended.set_result(None)

    loop.add_reader(handle, tell)
    return ended


async def readable_soon(line: socket.socket) -> None:
    """Wait until the socket has data to receive, or its other end is closed."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(line, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(line)


def forget(descriptor: int) -> None:
    """Remove the event loop's callback for a descriptor."""
    asyncio.get_running_loop().remove_reader(descriptor)
