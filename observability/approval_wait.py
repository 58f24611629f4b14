"""The waiting time of deliveries that need approval. The time of each delivery is read once, from the log.

The manager's rows do not have this time.
"""

from contextlib import suppress
from uuid import UUID

from bus.projection_rows import Rows
from bus.store import Store
from domain import run_messages
from domain.errors import Unavailable
from projections.openrun import runs_in

MICRO = 1_000_000


class Waiting:
    """Looks up the time of each delivery that waits for approval, once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._since: dict[UUID, int] = {}

    async def longest_s(self, rows: Rows, now: int) -> float:
        """Return the longest wait in seconds; 0 if nothing waits.

        `rows` are the manager's; `now`: microseconds UTC.
        """
        runs = [row.scope for row in runs_in(rows, "delivered")]
        with suppress(Unavailable):  # use the times that are already known
            for run in runs:
                if run not in self._since and (at := await self._delivered_at(run)) is not None:
                    self._since[run] = at
        self._since = {run: self._since[run] for run in runs if run in self._since}
        return max(((now - since) / MICRO for since in self._since.values()), default=0.0)

    async def _delivered_at(self, run: UUID) -> int | None:
        """Return the time of the delivery. Return None until the recorder has stored it: the rows show it earlier."""
        times = [
            found.envelope.occurred_at
            for found in await self._store.read_run(run)
            if isinstance(found.event, run_messages.Delivered) and found.void is None
        ]
        return times[0] if times else None
