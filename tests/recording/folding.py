"""Results of the recorded log: every consumer's rows at every event, and the commands of its reactions."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from agents.auditor.reactor import Auditor
from agents.hr import HR
from agents.manager.reactor import Manager
from agents.null_reactor import Observer
from bus.codec import ALIEN, alien
from bus.projection import Reactor, fold
from bus.projection_rows import Rows
from bus.row_form import stored_columns
from domain.message import Command, Recorded
from domain.registry import COMMANDS
from runtime.roles import CONSUMERS
from tests.recording.fixture import Kept, Table, in_order, shown

REACTORS: Mapping[str, Callable[[], Reactor]] = {
    "manager": Manager,
    "verifier": Observer,
    "auditor": Auditor,
    "accountant": Observer,
    "hr": HR,
}
"""Consumer -> the reactor that reacts to its rows."""
BEGUN = "manager that begins"
EVERY = 20
"""The state is recorded each time after this number of events."""


class Asked(NamedTuple):
    """One command that a reaction requests. `leads_to`: the types of events that it may cause."""

    by: str
    seq: int
    command: str
    leads_to: str


class Folded(NamedTuple):
    """One consumer after the whole log. `on_the_way`: sequence -> digest of all rows."""

    rows: dict[str, Table]
    asked: list[Asked]
    on_the_way: dict[str, str]


SINCE_THEN = frozenset({"organisation.cap_warned", "run.budget_warned"})
"""Events that a command of release 0.1.0 can cause now, beside those that it could cause then."""


def events(log: Iterable[Kept]) -> list[Recorded]:
    """Return the log as a consumer reads it."""
    return [alien(kept.seq) if kept.void == ALIEN else kept.recorded() for kept in log]


def folded(consumer: str, log: Iterable[Recorded]) -> Folded:
    """Fold the log with a consumer's own projection and reactor. Each command has the time of its cause."""
    projection, reactor = CONSUMERS[consumer](), REACTORS[consumer]()
    rows, asked, on_the_way = Rows(projection.tables), list[Asked](), dict[str, str]()
    for recorded in log:
        commands = fold(projection, reactor, recorded, rows, recorded.envelope.occurred_at)
        asked += [Asked(consumer, recorded.seq, str(command.id), _leads_to(command)) for command in commands]
        rows.settle()
        if recorded.seq % EVERY == 0:
            on_the_way[str(recorded.seq)] = _digest(tables_of(rows))
    return Folded(tables_of(rows), asked, on_the_way)


def taken_up(log: Iterable[Recorded]) -> list[Asked]:
    """Return the commands of a manager that starts after each event, with the original ids. Repeats are left out."""
    projection, manager = CONSUMERS["manager"](), Manager()
    rows, asked, before = Rows(projection.tables), list[Asked](), list[str]()
    for recorded in log:
        fold(projection, None, recorded, rows, 0)
        rows.settle()
        commands = list(manager.take_up(rows, recorded.envelope.occurred_at))
        present = [str(command.id) for command in commands]
        if present != before:
            asked += [Asked(BEGUN, recorded.seq, str(command.id), _leads_to(command)) for command in commands]
            before = present
    return asked


def all_asked(log: Sequence[Recorded]) -> list[list[Any]]:
    """Return every command that follows from the log, in the form of the file of commands."""
    asked = [one for name in CONSUMERS for one in folded(name, log).asked]
    return [list(one) for one in (*asked, *taken_up(log))]


def tables_of(rows: Rows) -> dict[str, Table]:
    """Return all rows in memory, by table and column."""
    return {
        name: in_order(shown(stored_columns(row)) for row in found.values()) for name, found in rows.snapshot().items()
    }


def _leads_to(command: Command) -> str:
    return " ".join(cause for cause in COMMANDS[type(command)].causes if cause not in SINCE_THEN)


def _digest(tables: Mapping[str, Table]) -> str:
    return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()[:16]
