"""Lag metrics of all consumers, from the recorder's process: a consumer that hangs cannot report its own lag."""

import asyncio

from prometheus_client import CollectorRegistry, Gauge

from bus.checkpoints import checkpoints
from bus.store import Store
from domain.errors import Unavailable
from governance.authority import ROLES
from observability.health import CHECK_WAIT_S, ReaderHealth


class Backlog:
    """The lag of each consumer, read again for each page of /metrics. NaN while it is not known."""

    def __init__(self, here: CollectorRegistry, store: Store) -> None:
        self._store = store
        self._known: dict[str, float] = {}
        self._lag = Gauge(
            "aura_consumer_lag_events",
            "Events of the stream behind a consumer's checkpoint in Postgres.",
            ("consumer",),
            registry=here,
        )

    async def look(self, recorder: ReaderHealth | None) -> None:
        """Read the checkpoints and set the gauges. `recorder`: this process's recorder, which knows the stream end."""
        found: dict[str, float] = {}
        if recorder is not None and recorder.lag is not None:
            last = recorder.position + recorder.lag
            try:
                async with asyncio.timeout(CHECK_WAIT_S):
                    read = await checkpoints(self._store, ROLES)  # a role without rows has no checkpoint
                found = {name: max(0, last - seq) for name, seq in read.items()}
            except (Unavailable, TimeoutError):
                found = {}
        self._known = dict.fromkeys(self._known, float("nan")) | found
        for name, lag in self._known.items():
            self._lag.labels(name).set(lag)
