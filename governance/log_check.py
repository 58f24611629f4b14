"""The check of a gate that stream and store are still the same log."""

import asyncio

from bus import fork_check
from bus.store import Store
from bus.stream import Stream
from domain.errors import Unavailable
from governance.repository import Loader


class LogCheck:
    """Checks whether stream and store still hold the same log: at the start and after each reconnect."""

    def __init__(self, stream: Stream, store: Store) -> None:
        self._stream = stream
        self._store = store
        self._checked = -1
        self._asking = asyncio.Lock()
        self._asked = 0
        self._problem: Unavailable | None = None

    async def same_log(self, loader: Loader) -> None:
        """Check the log if it was not checked since the last reconnect.

        Raises Forked if stream and store differ, Unavailable if they do not answer. If many commands come together,
        such as after a start, the first one checks and the others wait for the result. Otherwise all of them would run
        the same check, and use every connection for minutes.
        """
        while self._stream.client.stats["reconnects"] != self._checked:
            asked = self._asked
            async with self._asking:
                if self._asked == asked:
                    self._problem = await self._ask(loader)
                    self._asked += 1
                if self._problem is not None:
                    raise self._problem

    async def _ask(self, loader: Loader) -> Unavailable | None:
        """Check the log. Return the problem, or None after dropping every cached fold."""
        connects = self._stream.client.stats["reconnects"]
        try:
            await fork_check.check(self._stream, self._store)
        except Unavailable as error:
            return error
        loader.forget()
        self._checked = connects
        return None
