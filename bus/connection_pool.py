"""A cache of idle connections in front of a pool.

The pool's own `acquire` and `release` need several task switches, which cost almost as much time as one SQL statement.
"""

from types import TracebackType
from typing import Any

import asyncpg

IDLE_MAX = 4
"""The most idle connections that this cache holds.
Connections above this number go back to the pool, which closes them after some minutes.
"""


class Lending:
    """The connections of one pool. A caller that must wait gets its connection from the pool, in the pool's order."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", wait_s: float) -> None:
        self.pool = pool
        self.wait_s = wait_s
        self.idle: list[Any] = []
        self.waiting = 0
        self.closing = False

    def lend(self) -> "Loan":
        """Return a loan for `async with`. Entering it gives a connection, or raises the errors of `Pool.acquire`."""
        return Loan(self)

    async def close(self) -> None:
        """Close the pool after all connections in use were returned."""
        self.closing = True
        while self.idle:
            await self.pool.release(self.idle.pop())
        await self.pool.close()

    def terminate(self) -> None:
        """Close the pool without waiting for connections in use."""
        self.pool.terminate()


class Loan:
    """The use of one connection in one `async with` block."""

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
        return self._connection  # type: ignore[no-any-return]  # a PoolConnectionProxy forwards all of Connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        lending, connection = self._lending, self._connection
        needed = lending.waiting or lending.closing or len(lending.idle) >= IDLE_MAX
        if kind is None and not needed and not _gone(connection):
            lending.idle.append(connection)
        else:  # another caller waits for the connection, or its state is unknown: the pool handles both cases
            await lending.pool.release(connection)


def _gone(connection: Any) -> bool:
    """Return whether the server closed the connection. The pool has then already taken the connection back."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True
