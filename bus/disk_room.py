"""Disk space: the space that an organisation needs, the largest size of its stream, and the limits for warnings.

This is the only place with these limits: `aura up`, `aura doctor`, `aura status`, the alerts and the README use them.
"""

import shutil
from pathlib import Path

from domain.errors import Unavailable

GIB = 1024**3
MIB = 1024**2
STREAM_BYTES_MAX = 8 * GIB
STREAM_BYTES_MIN = 256 * MIB
STREAM_SHARE = 4
"""A new stream gets at most a quarter of the free disk space: Postgres keeps all events, and so needs more."""
FREE_BYTES_MIN = STREAM_SHARE * STREAM_BYTES_MIN
"""Free bytes that a new organisation needs on its disk. With less, an existing organisation gives a warning."""
STREAM_FULL_RATIO = 0.8
"""A stream that is filled to this ratio counts as nearly full."""


def stream_sizes(largest: int = STREAM_BYTES_MAX) -> list[int]:
    """Return the sizes that a stream may have, the largest first: 8, 4, 2 and 1 GiB, 512 and 256 MiB."""
    sizes = [largest]
    while sizes[-1] > STREAM_BYTES_MIN:
        sizes.append(sizes[-1] // 2)
    return sizes


def stream_bytes(free: int) -> int:
    """Return the size of a new stream (bytes): the largest size that fits four times into the free disk space."""
    return next((size for size in stream_sizes() if size * STREAM_SHARE <= free), STREAM_BYTES_MIN)


def free_bytes(folder: Path) -> int:
    """Return the free bytes of the disk where a folder is or will be. Raises OSError."""
    place = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(place).free


def has_stream(store: Path) -> bool:
    """Return whether this folder contains a stream of a nats-server."""
    return any(store.glob("jetstream/*/streams/*"))


def check(home: Path, free: int) -> None:
    """Raise Unavailable if the disk has too little room for a new organisation."""
    if free < FREE_BYTES_MIN:
        raise Unavailable(
            f"The disk of {home} has {size_text(free)} free, and an organisation needs {size_text(FREE_BYTES_MIN)}.",
            hint="Free some space on that disk, or set AURA_HOME to a folder on another disk.",
            code="disk_full",
        )


def size_text(count: float) -> str:
    """Return a number of bytes as text, for example `1.5 GiB`."""
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{count / MIB:.0f} MiB"
