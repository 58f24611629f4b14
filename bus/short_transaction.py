"""A transaction that holds locks for which other processes wait. Postgres ends it if its process hangs.

A process can stop at any line: it is suspended, its machine sleeps, or its network is cut. Postgres keeps the locks of
an open transaction for as long as the connection exists, which may be hours. A process that takes over the work would
wait for these locks.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import asyncpg

from sql import named

IDLE_MAX_S = 2.0
"""Longest pause between two statements of the transaction."""
TOTAL_MAX_S = 30.0
"""Longest time of the transaction: a process can also hang within a statement, before its driver sends the values."""


@asynccontextmanager
async def short_transaction(
    connection: asyncpg.Connection,
    *,
    isolation: Literal["read_committed", "repeatable_read"] = "read_committed",
    idle_max_s: float = IDLE_MAX_S,
    total_max_s: float = TOTAL_MAX_S,
) -> AsyncIterator[None]:
    """Run a transaction. If a limit (s) is exceeded, Postgres closes the connection, and so releases its locks.

    The next statement on that connection then raises a connection error. Servers before PostgreSQL 17 have no limit for
    the whole transaction.
    """
    async with connection.transaction(isolation=isolation):
        limits = (f"{limit_s * 1000:.0f}ms" for limit_s in (idle_max_s, total_max_s))
        await connection.execute(named("transaction_limits"), *limits)
        yield
