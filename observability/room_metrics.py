"""Metrics of the stream's size and of the free space on a home's disks. The recorder's process reports them."""

from collections.abc import Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge

from bus.disk_room import free_bytes
from bus.embedded.status import status
from bus.stream_info import StreamInfo


class RoomMetrics:
    """Stream size and free space, read again for each page of /metrics. NaN while the stream does not answer."""

    def __init__(self, here: CollectorRegistry, home: Path) -> None:
        self._home = home
        self._used = Gauge("aura_stream_bytes", "Bytes that the stream holds.", registry=here)
        self._most = Gauge(
            "aura_stream_bytes_max", "Size limit of the stream: at this size it accepts no event.", registry=here
        )
        self._free = Gauge("aura_disk_free_bytes", "Free bytes on the disk, by place.", ("place",), registry=here)

    def show(self, stream: StreamInfo | None, free: Mapping[str, int]) -> None:
        self._used.set(stream.bytes_used if stream is not None else float("nan"))
        self._most.set(stream.bytes_max if stream is not None else float("nan"))
        self._free.clear()
        for place, found in free.items():
            self._free.labels(place).set(found)

    def look(self) -> dict[str, int]:
        """Return the free bytes on the disk of the home, and on that of the home's own Postgres. Blocks."""
        database = status(self._home).postgres_data
        places = {"home": self._home} | ({"postgres": Path(database)} if database else {})
        found: dict[str, int] = {}
        for name, folder in places.items():
            try:
                found[name] = free_bytes(folder)
            except OSError:
                continue  # this user may not read the folder
        return found
