"""Fault points: named places between two steps, where a test may kill or pause the process."""

from collections.abc import Callable

Fault = Callable[[str], None]
"""Callback that receives the name of the point, for example `recorder:before-commit`."""
