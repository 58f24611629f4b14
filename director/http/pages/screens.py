"""The table of screens. The menu, the shortcuts, the tests and the table in docs/web.md are derived from it."""

from collections.abc import Collection

import msgspec

INBOX_PATH = "/inbox"
READ = "read"
"""The right to read. Any other right of a screen is an event that the person may cause."""


class Screen(msgspec.Struct, frozen=True, kw_only=True):
    """One screen. `letter`: with `g` before it, the shortcut to the screen; empty for a screen outside the menu.

    `path` may have parameters, such as /runs/{run}. `right`: READ, or the event that a reader must be able to cause.
    `as_of`: the screen can show an earlier state. `about`: one sentence for the documentation.
    """

    name: str
    path: str
    title: str
    about: str
    letter: str = ""
    right: str = READ
    as_of: bool = False

    @property
    def template(self) -> str:
        return f"{self.name}.html"

    def open_to(self, rights: Collection[str]) -> bool:
        """Return whether a person who may read, and may cause these events, may open the screen."""
        return self.right == READ or self.right in rights


OVERVIEW = Screen(
    name="overview",
    path="/",
    title="Overview",
    letter="o",
    about="Everything that needs a person, the runs, and the numbers of today.",
)
INBOX = Screen(
    name="inbox",
    path=INBOX_PATH,
    title="Inbox",
    letter="i",
    about="One feed of deliveries to approve, runs that are held up, severe incidents, appeals and budget warnings.",
)
STOP = Screen(
    name="stop",
    path="/stop",
    title="Stop and resume",
    letter="x",
    about="Pause, halt and resume the organisation.",
)
SCREENS: tuple[Screen, ...] = (OVERVIEW, INBOX, STOP)
"""All screens, in the order of the menu."""


def menu(rights: Collection[str]) -> tuple[Screen, ...]:
    """Return the screens of the menu of a person."""
    return tuple(screen for screen in SCREENS if screen.letter and screen.open_to(rights))


def event_path(seq: int) -> str:
    """Return the address that shows one event."""
    return f"/api/events?after={seq - 1}&limit=1"
