"""The rate limit of refusals. Many refusals of one principal do not fill the log, but all of them are counted."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

REFUSALS_MAX = 20
"""The most refusals, per principal and WINDOW_S, that become single events. A summary counts further refusals."""
WINDOW_S = 10.0


@dataclass(slots=True)
class _Window:
    began: float
    written: int = 0
    held: int = 0


class RefusalLimit:
    """Counts refusals per principal. `clock`: seconds, monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[UUID, _Window] = {}

    def count(self, principal: UUID) -> int:
        """Count one refusal. Return the number of refusals that its event must report, or 0 if it is held back."""
        window = self._windows.setdefault(principal, _Window(self._clock()))
        if self._clock() - window.began >= WINDOW_S:
            held = window.held
            self._windows[principal] = _Window(self._clock(), written=1)
            return held + 1
        if window.written >= REFUSALS_MAX:
            window.held += 1
            return 0
        window.written += 1
        return 1

    def held(self, *, all_windows: bool = False) -> dict[UUID, int]:
        """Return and reset, per principal, the number of refusals held back in past windows (or in all windows)."""
        due: dict[UUID, int] = {}
        for principal, window in list(self._windows.items()):
            if all_windows or self._clock() - window.began >= WINDOW_S:
                if window.held:
                    due[principal] = window.held
                del self._windows[principal]
        return due

    def give_back(self, principal: UUID, count: int) -> None:
        """Count refusals as held back again, because their summary could not be written."""
        self._windows.setdefault(principal, _Window(self._clock(), written=REFUSALS_MAX)).held += count
