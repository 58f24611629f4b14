"""Every reader of an employee's events agrees who may work: its decider, the law, and the rows of manager and HR."""

from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from bus.projection_rows import Rows
from domain.employee import Assess, EmployeeState, Fine, LoseTrust, Place
from domain.errors import AuraError
from domain.law import Standing
from domain.message import Command
from domain.registry import COMMANDS
from projections.hr import HRProjection, Person
from projections.manager import EmployeeRow, ManagerProjection
from tests.unit.asking import KINDS
from tests.unit.test_projections import recorded
from tests.unit.world import World

OF_EMPLOYEES = [command for kind, command in KINDS.items() if COMMANDS[kind].kind == "employee"]
ABOUT_WORK = [
    command
    for kind, command in KINDS.items()
    if COMMANDS[kind].kind == "employee" and kind not in (Assess, LoseTrust, Place, Fine)
]
"""The commands that decide who may work. Tiers and fines do not."""
LENGTH_MAX = 40
FAR = 10_000


class Readers:
    """All readers of the same events."""

    def __init__(self) -> None:
        self.world = World(staff={}, log=[])
        self.law = Standing()
        self.manager, self.hr = Rows(ManagerProjection.tables), Rows(HRProjection.tables)

    def handle(self, command: Command) -> None:
        """Let every reader read the events of a command, one event after the other."""
        events = self.world.decide(command)
        for event in () if isinstance(events, AuraError) else events:
            self.world.apply(event)
            seq = len(self.world.log)
            line = recorded(seq, event)
            self.law.fold(line.envelope, seq)
            for projection, rows in ((ManagerProjection(), self.manager), (HRProjection(), self.hr)):
                projection.apply(line, rows)

    def answers(self, who: UUID, state: EmployeeState) -> set[str]:
        """Return the standing of an employee as each reader sees it. All agree if it is one word."""
        row = self.manager.get(EmployeeRow, who, "employee")
        person = self.hr.get(Person, who, "employee")
        assert person is not None
        suspended = "suspended" if self.law.suspended(who, FAR) else "working"
        by_law = "dismissed" if self.law.dismissed(who, FAR) else suspended
        of_manager = "dismissed" if row is None else "suspended" if row.suspended else "working"
        return {state.phase, by_law, of_manager, person.phase}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(*OF_EMPLOYEES), max_size=LENGTH_MAX))
def test_all_readers_agree_who_may_work(commands: list[Command]) -> None:
    readers = Readers()
    for command in commands:
        readers.handle(command)
        for who, state in readers.world.staff.items():
            assert len(readers.answers(who, state)) == 1
            assert bool(state.holds) == (state.phase == "suspended") or state.phase == "dismissed"


def test_control_a_reader_that_misses_an_event_disagrees() -> None:
    seen: set[int] = set()

    @settings(max_examples=300, deadline=None, derandomize=True, database=None)
    @given(st.lists(st.one_of(*ABOUT_WORK), max_size=LENGTH_MAX))
    def explore(commands: list[Command]) -> None:
        readers = Readers()
        for command in commands:
            readers.handle(command)
            readers.law = Standing()
        seen.update(len(readers.answers(who, state)) for who, state in readers.world.staff.items())

    explore()
    assert seen == {1, 2}
