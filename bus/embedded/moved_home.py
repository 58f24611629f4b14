"""A home that was moved or copied while its processes were running."""

from collections.abc import Callable
from pathlib import Path

from bus.embedded import postgres
from bus.embedded.home import Home
from domain.errors import Conflict


def refuse_moved(home: Home) -> None:
    """Raise Conflict if the home was moved while its processes run, because they use the old path."""
    place = home.layout().place
    if place is not None and place.path != str(home.path):
        raise Conflict(
            f"The home {home.path} was moved from {place.path} while its processes were running.",
            hint="Stop them (aura down), then start them again (aura up).",
            code="moved_home",
        )


def report_copy(home: Home, on_progress: Callable[[str], None]) -> None:
    """Report that this home was copied without a stop of its database, because the copied data may be incomplete."""
    original, database = home.copied_from(), home.layout().postgres
    if original is not None and database is not None and not postgres.was_stopped(Path(database)):
        on_progress(
            f"This home is a copy of {original}, whose database was not stopped for the copy. Its data may be "
            f"incomplete. For a complete copy, stop {original} (aura down), then copy it again."
        )
