"""The employees that have or had a name. In a home of an older release, several employees may have the same name."""

from collections.abc import Sequence

from agents.employees.posting import Posting
from director.services.views import Person


def holder_of(people: Sequence[Person], name: str, kept: Posting | None) -> Person | None:
    """Return the employee that has the name: the one of the posting file `kept`, else the newest one.

    `people`: the oldest first.
    """
    present = [person for person in people if person.name == name and person.phase != "dismissed"]
    mine = [person for person in present if kept is not None and person.employee == kept.id]
    return next(reversed(mine or present), None)


def last_dismissed(people: Sequence[Person], name: str) -> Person | None:
    """Return the dismissed employee that had the name last. `people`: the oldest first."""
    gone = [person for person in people if person.name == name and person.phase == "dismissed"]
    return next(reversed(gone), None)
