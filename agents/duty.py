"""A duty: work that waits for something (orders, verdicts, git, deadlines), so it is not done in a consumer's batch.

After each commit the runner shows it the rows; it notes what is to be done and does it in its own task.
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
"""A cancel that comes at the same moment as an answer is lost in wait_for (Python 3.11): it is given again."""


class Duty(Protocol):
    """`note` is quick and synchronous; `live` is False while the consumer catches up on what a former version did."""

    def note(self, rows: Rows, live: bool) -> None: ...

    async def run(self, stop: asyncio.Event) -> None: ...


async def insist(act: Callable[[], Awaitable[object]], stop: asyncio.Event) -> None:
    """Do something until it is done or refused: what is unavailable or in conflict is tried again, ever more slowly."""
    wait_s = RETRY_WAIT_S
    while not stop.is_set():
        try:
            await act()
        except AuraError as error:
            if not isinstance(error, Unavailable | Contention):
                return  # refused, and on the log: the rows that come of it say what is to be done
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
    """Do what nobody else will ask for again, until it is done or no longer wanted; what hinders it is said."""
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


async def either(*events: asyncio.Event, wait_s: float | None = None) -> None:
    """Wait until one of some events is set, at most for `wait_s`."""
    if len(events) == 1:  # needs no task of its own
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
    """Wait until tasks that were told to end have ended; after `grace_s` they are cut off."""
    late: Collection[asyncio.Task[None]] = tasks
    wait_s = grace_s
    while late:
        _, late = await asyncio.wait(late, timeout=wait_s)
        wait_s = CANCEL_AGAIN_S
        for task in late:
            task.cancel()
