"""NATS or Postgres is away: said once when it is noticed, and once when it answers again, not at each attempt."""

import time

from bus.logger import SILENT, Logger

NATS = "nats"
POSTGRES = "postgres"


class Outages:
    """The servers of one process, by name. `lost` and `back` may be called as often as one likes."""

    def __init__(self, log: Logger = SILENT) -> None:
        self._log = log
        self._since: dict[str, float] = {}

    def lost(self, server: str, why: str) -> None:
        if server not in self._since:
            self._since[server] = time.monotonic()
            self._log.warning("unavailable", server=server, why=why)

    def back(self, server: str, asked: float) -> None:
        """It has answered what was asked at `asked` (monotonic clock); an answer from before the loss says nothing."""
        since = self._since.get(server)
        if since is not None and asked > since:
            del self._since[server]
            self._log.info("available_again", server=server, away_s=round(time.monotonic() - since, 3))
