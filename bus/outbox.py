"""The commands that follow from a consumer's events, on their way to the gate.

The consumer does not wait for them before it processes its next event. It waits for all of them before it commits, so
after a crash the commands that may be missing are sent again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from domain.errors import AuraError, Contention, Unavailable
from domain.message import Command
from domain.registry import scope_of

RETRY_WAIT_S = 0.3
Send = Callable[[Command], Awaitable[object]]


class Outbox:
    """Sends the commands of one run or entity in order. Different runs and entities are served at the same time."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._queues: dict[UUID, deque[Command]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, commands: Sequence[Command]) -> None:
        """Send these commands after all earlier ones of the same run or entity."""
        for command in commands:
            scope = scope_of(command)
            key = scope.run or scope.id
            queue = self._queues.get(key)
            if queue is not None:
                queue.append(command)
                continue
            self._queues[key] = deque([command])
            self._tasks.add(asyncio.get_running_loop().create_task(self._send_queue(key)))

    async def empty(self) -> None:
        """Wait until all commands were sent. Raises the error of a command whose sending failed for good."""
        while self._tasks:
            done, _ = await asyncio.wait(self._tasks)
            self._tasks -= done
            for task in done:
                task.result()

    async def close(self) -> None:
        """Stop sending. The commands are sent again with their events."""
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._queues.clear()

    async def _send_queue(self, key: UUID) -> None:
        queue = self._queues[key]
        while queue:
            await self._sent(queue[0])
            queue.popleft()
        del self._queues[key]

    async def _sent(self, command: Command) -> None:
        while True:
            try:
                await self._send(command)
            except (Contention, Unavailable):
                await asyncio.sleep(RETRY_WAIT_S)
                continue
            except AuraError:
                pass  # the gate has published the refusal as an event, and reactors react to that event
            return
