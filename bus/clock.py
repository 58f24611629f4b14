"""The wall clock, for commands: time enters the log with them and nowhere else."""

import time


def now() -> int:
    """Microseconds UTC."""
    return time.time_ns() // 1000
