"""A duty is work that waits for something (orders, verdicts, git, deadlines). A consumer cannot wait for it while it
processes a batch.

After each commit, the runner gives the rows to the duty. The duty notes its work and does this work in its own task.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Protocol

from bus.projection_rows import Rows
from domain.errors import AuraError, Contention, Unavailable

RETRY_WAIT_S = 0.5
RETRY_WAIT_MAX_S = 10.0
CANCEL_AGAIN_S = 1.0
"""Seconds until a cancel is repeated. In Python 3.11, wait_for loses a cancel that comes at the same moment as a
result.
"""


class Duty(Protocol):
    """Interface of a duty. `note` is quick and synchronous. `live` is False while the consumer reads events that were
    already processed.
    """

    def note(self, rows: Rows, live: bool) -> None: ...

    async def run(self, stop: asyncio.Event) -> None: ...


async def insist(act: Callable[[], Awaitable[object]], stop: asyncio.Event) -> None:
    """Call `act` until it succeeds or is refused. After Unavailable or Contention, call it again with back-off."""
    wait_s = RETRY_WAIT_S
    while not stop.is_set():
        try:
            await act()
        except AuraError as error:
            if not isinstance(error, Unavailable | Contention):
                return  # the gate has recorded the refusal; the next rows show the work that remains
        else:
            return
        await either(stop, wait_s=wait_s)
        wait_s = min(2 * wait_s, RETRY_WAIT_MAX_S)


async def persevere(
    act: Callable[[], Awaitable[object]],
    stop: asyncio.Event,
    *,
    wanted: Callable[[], bool],
    say: Callable[[str], None],
) -> None:
    """Call `act` with back-off until it succeeds or is no longer wanted. Report each new error through `say`.

    Use this function for work that no other part of the program will request again.
    """
    wait_s, said = RETRY_WAIT_S, ""
    while wanted() and not stop.is_set():
        try:
            await act()
        except AuraError as error:
            if str(error) != said:
                say(said := str(error))
        else:
            return
        await either(stop, wait_s=wait_s)
        wait_s = min(2 * wait_s, RETRY_WAIT_MAX_S)


async def wake_at(stop: asyncio.Event, wake: asyncio.Event) -> None:
    """Set `wake` when `stop` is set. A duty then waits for one event, which costs less than waiting for two."""
    await stop.wait()
    wake.set()


async def either(*events: asyncio.Event, wait_s: float | None = None) -> None:
    """Wait until one of the events is set, but not longer than `wait_s` seconds."""
    if any(event.is_set() for event in events):
        return
    if len(events) == 1:  # one event needs no task
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await events[0].wait()
        return
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def ended(tasks: Collection[asyncio.Task[None]], grace_s: float) -> None:
    """Wait for the end of tasks that were already asked to stop. Cancel them after `grace_s` seconds."""
    late: Collection[asyncio.Task[None]] = tasks
    wait_s = grace_s
    while late:
        _, late = await asyncio.wait(late, timeout=wait_s)
        wait_s = CANCEL_AGAIN_S
        for task in late:
            task.cancel()
