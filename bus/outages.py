"""Log lines on outages of NATS and Postgres: a line when an outage begins, and a line when the server answers again."""

import time

from bus.logger import SILENT, Logger

NATS = "nats"
POSTGRES = "postgres"


class Outages:
    """Outages of the servers that one process uses, by server name. Repeated calls of `lost` or `back` log once."""

    def __init__(self, log: Logger = SILENT) -> None:
        self._log = log
        self._since: dict[str, float] = {}

    def lost(self, server: str, why: str) -> None:
        if server not in self._since:
            self._since[server] = time.monotonic()
            self._log.warning("unavailable", server=server, why=why)

    def back(self, server: str, asked: float) -> None:
        """Note that the server answered a request of time `asked` (monotonic). Ignore requests before the outage."""
        since = self._since.get(server)
        if since is not None and asked > since:
            del self._since[server]
            self._log.info("available_again", server=server, away_s=round(time.monotonic() - since, 3))
