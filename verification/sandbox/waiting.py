"""Waits that a cancellation cannot interrupt: the work ends first, then the cancellation is raised.

They wait only for futures, never for their own tasks: a loop that shuts down cancels every task, cleanup included.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def settled(*futures: "asyncio.Future[Any] | None") -> asyncio.CancelledError | None:
    """Wait until all are done.

    Return the last cancellation that came meanwhile; the caller must raise it at its end.
    """
    cancelled = None
    while pending := [each for each in futures if each is not None and not each.done()]:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled


async def in_thread(work: Callable[[], T]) -> T:
    """Run `work` in a thread and wait for it, even if cancelled. So it never continues unnoticed."""
    future = asyncio.get_running_loop().run_in_executor(None, work)
    cancelled = await settled(future)
    if cancelled:
        future.exception()  # mark it as retrieved; the caller gets the cancellation
        raise cancelled
    return future.result()


def begun(work: Callable[[], Coroutine[Any, Any, T]]) -> "asyncio.Future[T]":
    """Run a coroutine in a thread with its own event loop, and return the future of its result.

    The end of the caller's loop cancels tasks, but neither this future nor the coroutine. So a request to a server gets
    its answer. Otherwise the server would not hear of the cancellation, and nobody would know what it created.
    """
    return asyncio.get_running_loop().run_in_executor(None, lambda: asyncio.run(work()))


def end_of(handle: int) -> "asyncio.Future[None]":
    """Return a future that is done when the process of the pidfd `handle` has ended.

    Call `forget` before the descriptor is closed.
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
    """Wait until there is something to receive, or the other end is closed."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(line, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(line)


def forget(descriptor: int) -> None:
    """Remove the callback for a descriptor."""
    asyncio.get_running_loop().remove_reader(descriptor)
