"""The signs of life of workers with a session. A worker that gives no sign is lost, and its order is released.

The times are of this manager only. A new manager waits the whole time again.
"""

import time
from collections.abc import Collection
from uuid import UUID

from agents.permits import SIGN_TIMES, SignTimes
from domain.attempt import Attempt


class SignsOfLife:
    """The last sign for each order, by the monotonic clock of this process."""

    def __init__(self, times: SignTimes = SIGN_TIMES) -> None:
        self._times = times
        self._seen: dict[UUID, float] = {}  # order -> last sign, or when the order was first looked at
        self._taken: set[UUID] = set()

    def heard(self, order: UUID) -> None:
        """Note a sign of life."""
        self._seen[order] = time.monotonic()
        self._taken.add(order)

    def why_lost(self, attempt: Attempt) -> str:
        """Return the reason to release the order of an open attempt; empty if there is none."""
        if attempt.form != "session":
            return ""
        now = time.monotonic()
        silent_s = now - self._seen.setdefault(attempt.order, now)
        if attempt.calls or attempt.order in self._taken:
            return "worker_lost" if silent_s > self._times.silence_max_s else ""
        return "not_taken" if silent_s > self._times.take_wait_s else ""

    def keep(self, orders: Collection[UUID]) -> None:
        """Forget all other orders."""
        self._seen = {order: at for order, at in self._seen.items() if order in orders}
        self._taken &= set(orders)
