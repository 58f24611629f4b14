"""Waiting that a cancellation cannot break off: what was begun is brought to its end first, then it is heeded.

Only futures are waited for, never tasks of their own: a loop that shuts down cancels every task, the cleaning ones too.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def settled(*futures: "asyncio.Future[Any] | None") -> asyncio.CancelledError | None:
    """Waits until all are done; the last cancellation that came meanwhile, which the caller has to raise at its end."""
    cancelled = None
    while pending := [each for each in futures if each is not None and not each.done()]:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled


async def in_thread(work: Callable[[], T]) -> T:
    """`work` in a thread, waited for even when cancelled: it never goes on behind our back."""
    future = asyncio.get_running_loop().run_in_executor(None, work)
    cancelled = await settled(future)
    if cancelled:
        future.exception()  # seen; the cancellation is what the caller hears
        raise cancelled
    return future.result()


def begun(work: Callable[[], Coroutine[Any, Any, T]]) -> "asyncio.Future[T]":
    """Run a coroutine in a thread and an event loop of its own, and return the future of its result.

    The end of the caller's loop cancels tasks. It cancels neither this future nor the coroutine, so that a request to a
    server gets its answer: a server that does not hear of the cancellation would do the work for nobody.
    """
    return asyncio.get_running_loop().run_in_executor(None, lambda: asyncio.run(work()))


def end_of(handle: int) -> "asyncio.Future[None]":
    """Done once the process of the pidfd `handle` has ended. Call `forget` before the descriptor is closed."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        loop.remove_reader(handle)
        if not ended.done():
            ended.set_result(None)

    loop.add_reader(handle, tell)
    return ended


async def readable_soon(line: socket.socket) -> None:
    """Waits until there is something to receive, or the other end is closed."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(line, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(line)


def forget(descriptor: int) -> None:
    """No callback for this descriptor any more."""
    asyncio.get_running_loop().remove_reader(descriptor)
