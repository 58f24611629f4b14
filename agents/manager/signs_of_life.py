"""The signs of life of workers with a session. A worker that gives none is lost, and its order is released.

The times are of this manager only. A new manager waits the whole time again.
"""

import time
from collections.abc import Collection
from uuid import UUID

from domain.attempt import Attempt

SILENCE_MAX_S = 45.0
"""Seconds without a sign after which a worker is lost. A worker gives a sign every SIGN_EVERY_S seconds."""
TAKE_WAIT_S = 120.0
"""Seconds in which a worker must take an order."""


class SignsOfLife:
    """The last sign for each order, by the monotonic clock of this process."""

    def __init__(self) -> None:
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
            return "worker_lost" if silent_s > SILENCE_MAX_S else ""
        return "not_taken" if silent_s > TAKE_WAIT_S else ""

    def keep(self, orders: Collection[UUID]) -> None:
        """Forget all other orders."""
        self._seen = {order: at for order, at in self._seen.items() if order in orders}
        self._taken &= set(orders)
