"""The wall clock for commands. Time enters the log only through commands."""

import time


def now() -> int:
    """Return the present time in microseconds since 1970 (UTC)."""
    return time.time_ns() // 1000
