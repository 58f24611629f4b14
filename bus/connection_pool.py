"""Connections of a pool that stay at hand: taken and given back without a round through the pool's own waits.

A pool's `acquire` and `release` cost several task switches; a statement of this system costs hardly more.
"""

from types import TracebackType
from typing import Any

import asyncpg

IDLE_MAX = 4
"""Connections kept open while idle.

Those that a burst opened beyond them return to the pool, which closes them after minutes.
"""


class Lending:
    """Connections of one pool. Whoever waits for one is served by the pool, in its order."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", wait_s: float) -> None:
        self.pool = pool
        self.wait_s = wait_s
        self.idle: list[Any] = []
        self.waiting = 0
        self.closing = False

    def lend(self) -> "Loan":
        """A connection for the length of an `async with`. Raises what the pool's acquire raises."""
        return Loan(self)

    async def close(self) -> None:
        """Close the pool, when what is lent has come back."""
        self.closing = True
        while self.idle:
            await self.pool.release(self.idle.pop())
        await self.pool.close()

    def terminate(self) -> None:
        """Close the pool at once."""
        self.pool.terminate()


class Loan:
    """One connection, lent once."""

    def __init__(self, lending: Lending) -> None:
        self._lending = lending
        self._connection: Any = None

    async def __aenter__(self) -> asyncpg.Connection:
        lending = self._lending
        while lending.idle:
            connection = lending.idle.pop()
            if not _gone(connection):
                self._connection = connection
                return connection  # type: ignore[no-any-return]  # a PoolConnectionProxy forwards all of Connection
            await lending.pool.release(connection)
        lending.waiting += 1
        try:
            self._connection = await lending.pool.acquire(timeout=lending.wait_s)
        finally:
            lending.waiting -= 1
        return self._connection  # type: ignore[no-any-return]  # as above

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        lending, connection = self._lending, self._connection
        wanted = lending.waiting or lending.closing or len(lending.idle) >= IDLE_MAX
        if kind is None and not wanted and not _gone(connection):
            lending.idle.append(connection)
        else:  # others wait for it, or nobody knows what state it is in: the pool looks after it
            await lending.pool.release(connection)


def _gone(connection: Any) -> bool:
    """Whether the server ended it, after which the pool has taken it back by itself."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True
