"""Places for long calls. Each process has a fixed number of them."""

from collections.abc import Iterator
from contextlib import contextmanager

from domain.errors import TooMany


class Places:
    """A fixed number of places for one kind of call."""

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self._taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Take a place. Raises TooMany."""
        if self._taken >= self._most:
            raise TooMany(
                f"There are {self._most} calls that {self._what}.", hint="Try again later.", code="too_many_calls"
            )
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1


WAITS = Places(50, "wait")
JUDGES = Places(2, "judge")
"""Each verdict runs code in a sandbox, and needs a whole core."""
