"""Fault points: named places between two steps where a test may end or hold the process."""

from collections.abc import Callable

Fault = Callable[[str], None]
"""Called with the point's name, PART:BEFORE-OR-AFTER-WHAT."""
