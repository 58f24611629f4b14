"""Room on the disk: what an organisation needs, how large its stream may become, and when either runs short.

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
"""A new stream gets a quarter of the free disk at most: Postgres keeps the same events for ever, and needs more."""
FREE_BYTES_MIN = STREAM_SHARE * STREAM_BYTES_MIN
"""Free bytes that a new organisation needs on its disk. Below it, an existing one gives a warning."""
STREAM_FULL_RATIO = 0.8
"""From here on a stream is said to be nearly full."""


def stream_sizes(largest: int = STREAM_BYTES_MAX) -> list[int]:
    """Return the sizes that a stream may have, the largest first: 8, 4, 2 and 1 GiB, 512 and 256 MiB."""
    sizes = [largest]
    while sizes[-1] > STREAM_BYTES_MIN:
        sizes.append(sizes[-1] // 2)
    return sizes


def stream_bytes(free: int) -> int:
    """Return the size of a new stream: the largest that fits four times on the free disk (bytes)."""
    return next((size for size in stream_sizes() if size * STREAM_SHARE <= free), STREAM_BYTES_MIN)


def free_bytes(folder: Path) -> int:
    """Return the free bytes of the disk where a folder is or will be. Raises OSError."""
    place = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(place).free


def has_stream(store: Path) -> bool:
    """Whether a nats-server has kept a stream in this folder."""
    return any(store.glob("jetstream/*/streams/*"))


def check(home: Path, free: int) -> None:
    """Raise Unavailable if the disk has too little room for a new organisation."""
    if free < FREE_BYTES_MIN:
        raise Unavailable(
            f"The disk of {home} has {size_text(free)} free, and an organisation needs {size_text(FREE_BYTES_MIN)}.",
            hint="Free some room there, or name a folder on another disk: AURA_HOME.",
            code="disk_full",
        )


def size_text(count: float) -> str:
    """Write a number of bytes for people."""
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{count / MIB:.0f} MiB"
