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
    as_of=True,
    about="Everything that needs a person, the runs, and the numbers of today.",
)
INBOX = Screen(
    name="inbox",
    path=INBOX_PATH,
    title="Inbox",
    letter="i",
    about="One feed of deliveries to approve, runs that are held up, severe incidents, appeals and budget warnings.",
)
RUN = Screen(
    name="run",
    path="/runs/{run}",
    title="Run",
    as_of=True,
    about="One run: plan, timeline, code with the author of each line, cost, evidence and transcript.",
)
CHAT = Screen(
    name="chat",
    path="/chat",
    title="Chat",
    letter="m",
    as_of=True,
    about="Questions to the manager, drafts of acts to confirm, and each message with the events that it caused.",
)
STOP = Screen(
    name="stop",
    path="/stop",
    title="Stop and resume",
    letter="x",
    about="Pause, halt and resume the organisation.",
)
STAFF = Screen(
    name="staff",
    path="/staff",
    title="Staff",
    letter="s",
    as_of=True,
    about="The organisation chart: posts with their powers, and employees with their standing and their work of now.",
)
EMPLOYEE = Screen(
    name="employee",
    path="/staff/{employee}",
    title="Employee",
    as_of=True,
    about="The scorecard of an employee with the events behind each number, its career, costs, record and incidents.",
)
INTERVENTION = Screen(
    name="intervention",
    path="/intervention",
    title="Intervention",
    letter="v",
    as_of=True,
    about="The incidents, and the past acts of people with names and reasons.",
)
INCIDENT = Screen(
    name="incident",
    path="/intervention/{incident}",
    title="Incident",
    as_of=True,
    about="An incident with its evidence, and the form of its next step.",
)
COSTS = Screen(
    name="costs",
    path="/costs",
    title="Costs",
    letter="c",
    as_of=True,
    about="The costs of each day, the budgets, and the most expensive groups.",
)
EVENTS = Screen(
    name="events",
    path="/events",
    title="Events",
    letter="e",
    as_of=True,
    about="The newest events, by importance, type, run, employee and role.",
)
EVENT = Screen(
    name="event",
    path="/events/{event}",
    title="Event",
    as_of=True,
    about="One event: causes, effects, payload, envelope, hash, and the commands that read it again.",
)
PROJECTIONS = Screen(
    name="projections",
    path="/projections",
    title="Projections",
    letter="p",
    as_of=True,
    about="The positions of the consumers, and parked events. They are not recorded, so an earlier state says so.",
)
ARCHIVE = Screen(
    name="archive",
    path="/archive",
    title="Archive",
    letter="a",
    as_of=True,
    about="Search in the ended runs, their retention, and the check of the log.",
)
HEALTH = Screen(
    name="health",
    path="/health",
    title="Health",
    letter="h",
    as_of=True,
    about="Checks with an answer and a next step, and what is not recorded.",
)
RIGHTS = Screen(
    name="rights",
    path="/rights",
    title="Rights",
    letter="r",
    as_of=True,
    about="People, tokens without secrets, and the matrix of roles and scopes.",
)
SCREENS: tuple[Screen, ...] = (
    *(OVERVIEW, INBOX, CHAT, RUN),
    *(STAFF, EMPLOYEE, INTERVENTION, INCIDENT, COSTS, EVENTS, EVENT),
    *(PROJECTIONS, ARCHIVE, HEALTH, RIGHTS, STOP),
)
"""All screens, in the order of the menu."""


def menu(rights: Collection[str]) -> tuple[Screen, ...]:
    """Return the screens of the menu of a person."""
    return tuple(screen for screen in SCREENS if screen.letter and screen.open_to(rights))
