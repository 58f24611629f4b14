"""A cheater, a lazy one, a slow one, a flaky server and a good one work on 200 tasks, with the real deciders and rows.

The manager routes by cascade. Accountant, HR and auditor react as they do in an organisation. All numbers are seeded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from agents.accountant import Accountant
from agents.auditor.reactor import Auditor
from agents.hr import HR
from agents.hr_terms import due as ended_terms
from agents.trust_terms import due as lost_trust
from bus.projection import Projection, Reactor, fold
from bus.projection_rows import Rows
from director.cli.hr_text import standing
from domain import employee, task
from domain.employee import Hire
from domain.judgement import Finding
from domain.ladder import DAY_US
from domain.message import Command, Event
from domain.tree import Entry
from governance.hr_rules import default
from projections.accountant import Account, AccountantProjection
from projections.auditor import AuditorProjection
from projections.career_rows import CareerRow, career_of
from projections.hr import HRProjection, Person
from projections.manager import EmployeeRow, ManagerProjection
from projections.scorecard_rows import ScoredAttempt
from tests.unit.samples import BAD
from tests.unit.simulated_staff import SECOND, Simulated, Simulation, steady

TASKS = 200
RULES = default()
START, CEILINGS = RULES.start
STAFF = (
    Simulated("cheater", steady(0.8), usd="0.005", usd_max="0.01"),
    Simulated("lazy", steady(0.5), usd="0.01", usd_max="0.02"),
    Simulated("slow", steady(0.9), usd="0.03", usd_max="0.06", seconds=600),
    Simulated("flaky", steady(0.9), usd="0.02", usd_max="0.04"),
    Simulated("good", steady(0.95), usd="0.02", usd_max="0.05"),
)
REST_US = 300 * SECOND


def consumers() -> dict[str, Projection]:
    """Return the projections of the organisation."""
    return {
        "manager": ManagerProjection(),
        "accountant": AccountantProjection(),
        "auditor": AuditorProjection(),
        "hr": HRProjection(),
    }


@dataclass
class Workforce(Simulation):
    """The organisation with its staff: the manager's simulation, and the other consumers beside it."""

    projections: dict[str, Projection] = field(default_factory=consumers)

    def __post_init__(self) -> None:
        self.reactors: Mapping[str, Reactor] = {
            "accountant": Accountant(RULES.of_tiers, RULES.of_fines),
            "auditor": Auditor(),
            "hr": HR(RULES.of_strikes),
        }
        self.tables = {name: Rows(projection.tables) for name, projection in self.projections.items()}
        super().__post_init__()

    def send(self, command: Command) -> None:
        """Send a command. A hire begins a career, as at the door."""
        if isinstance(command, Hire):
            command = replace(command, tier=START, ceilings=CEILINGS)
        super().send(command)

    def record(self, event: Event, command: Command, number: int = 0) -> None:
        super().record(event, command, number)
        recorded = self.log[-1]
        for name, reactor in self.reactors.items():
            self.waiting.extend(fold(self.projections[name], reactor, recorded, self.tables[name], self.now))

    def work(self, event: task.Assigned) -> None:
        who = self.by_id[event.employee].name
        if who == "flaky" and self.chance.random() < 0.5:
            self.give_up(event, "connection")
        elif who == "lazy" and self.chance.random() < 0.4:
            self.give_up(event, "declined")
        elif who == "cheater" and self.chance.random() < 0.3:
            self.call(event)
            self.cheat(event)
        else:
            super().work(event)

    def give_up(self, event: task.Assigned, outcome: str) -> None:
        """End an attempt without work."""
        self.call(event, outcome)
        if self.world.runs[event.run].tasks[event.task].phase == "assigned":
            self.send(task.EndAttempt(**self.stamp(), **self.ids_of(event), outcome=outcome, message="no work"))

    def cheat(self, event: task.Assigned) -> None:
        """Hand in work that tries to influence the verdict."""
        found = Finding(kind="outside_scope", integrity=True, path="conftest.py", detail="wrote conftest.py")
        ids, digest = self.ids_of(event), f"{len(self.log):064x}"
        self.send(
            task.SubmitWork(**self.stamp(), **ids, files={"a.py": Entry(kind="file", digest=digest)}, tree=digest)
        )
        judgement = replace(BAD, findings=(found,), tree=digest)
        self.send(task.Judge(**self.stamp(), **ids, judgement=judgement))

    def days(self, count: int) -> None:
        """Let days pass, and send what is due then."""
        self.now += count * DAY_US
        for command in [
            *ended_terms(self.tables["hr"], self.now),
            *lost_trust(self.tables["accountant"], RULES.of_tiers, self.now),
        ]:
            self.send(command)

    def events(self, kind: type[Any], name: str) -> list[Any]:
        """Return the events of this class about an employee."""
        who = id_of(name)
        found = (each.event for each in self.log if isinstance(each.event, kind))
        return [event for event in found if getattr(event, "employee", None) == who]

    def career(self, name: str) -> CareerRow:
        row = career_of(self.tables["accountant"], id_of(name))
        assert row is not None
        return row

    def person(self, name: str) -> Person:
        row = self.tables["hr"].get(Person, id_of(name), "employee")
        assert row is not None
        return row


def id_of(name: str) -> UUID:
    return next(each.id for each in STAFF if each.name == name)


@cache
def played() -> Workforce:
    """Return the organisation after all tasks. A day passes after every twenty tasks."""
    house = Workforce(STAFF)
    for number in range(1, TASKS + 1):
        house.run()
        house.now += REST_US
        if number % 20 == 0:
            house.days(1)
    return house


def test_only_the_cheater_has_strikes_and_fines_and_its_share_falls() -> None:
    house = played()
    strikes = {each.name: house.person(each.name).strikes for each in STAFF}
    assert strikes == {"cheater": 3, "lazy": 0, "slow": 0, "flaky": 0, "good": 0}
    answers = (employee.Warned, employee.Suspended, employee.Reinstated, employee.Dismissed)
    record = [type(event) for event in house.events(employee.EmployeeEvent, "cheater") if isinstance(event, answers)]
    assert record == list(answers), "a warning, a suspension, its end after the term, and the third strike"
    fines = house.events(employee.Fined, "cheater")
    assert [(fine.percent, fine.tasks, fine.rule) for fine in fines] == [(100, 20, "integrity")] * 3
    assert house.rows.get(EmployeeRow, id_of("cheater"), "employee") is None, "routing does not know it any more"
    assert house.career("cheater").handicap_percent == 300
    orders = [event.employee == id_of("cheater") for event in house.assigned]
    assert sum(orders[:50]) > 5 > sum(orders[50:]), "first it is the cheapest, then nearly nobody asks it"
    for name in ("lazy", "slow", "flaky", "good"):
        assert house.events(employee.Fined, name) == [], "the price of an honest failure is never fined"


def test_the_tiers_are_what_the_results_say() -> None:
    house = played()
    moves = {each.name: [event.tier for event in house.events(employee.TierChanged, each.name)] for each in STAFF}
    assert moves == {
        "cheater": [],
        "lazy": [],
        "slow": [],
        "flaky": ["junior", "mid"],
        "good": ["junior", "mid", "senior"],
    }
    for name in ("lazy", "slow", "flaky", "good"):
        row = house.rows.get(EmployeeRow, id_of(name), "employee")
        assert row is not None
        assert (row.tier, row.ceilings) == (house.career(name).tier, house.career(name).ceilings)
    assert {each.name: shown(house, each.name) for each in STAFF} == {
        "cheater": "dismissed, on probation",
        **dict.fromkeys(("lazy", "slow"), "working, on probation"),
        "flaky": "working, mid",
        "good": "working, senior",
    }


def shown(house: Workforce, name: str) -> str:
    """Return the standing as the Director sees it."""
    person = house.person(name)
    return standing({"phase": person.phase, "tier": person.tier, "probation": person.probation})


def test_faults_of_a_server_are_no_failures() -> None:
    house = played()
    faults = [event for event in house.events(task.CallFinished, "flaky") if event.snapshot.outcome == "connection"]
    assert faults
    row = house.career("flaky")
    judged = len(house.events(task.Rejected, "flaky")) + len(house.events(task.Verified, "flaky"))
    assert row.tier_verified + row.tier_failed <= judged
    assert house.person("flaky").strikes == 0


def test_the_spend_of_the_rows_is_that_of_the_events() -> None:
    house, rows = played(), played().tables["accountant"]
    runs = {each.event.run for each in house.log if isinstance(each.event, task.Assigned)}
    for each in STAFF:
        of_events = sum((event.charged.usd for event in house.events(task.CallFinished, each.name)), Decimal(0))
        accounts = [row for run in runs for row in rows.of(Account, run) if row.key == str(each.id)]
        assert sum((row.charged_usd for row in accounts), Decimal(0)) == of_events > 0
        cards = [row for run in runs for row in rows.of(ScoredAttempt, run) if row.employee == each.id]
        assert sum((row.usd for row in cards), Decimal(0)) == of_events
        assert sum(row.outcome == "verified" for row in cards) == len(house.events(task.Verified, each.name))


def test_a_replay_gives_the_same_rows_and_the_same_choices() -> None:
    house = played()
    for name, projection in consumers().items():
        rows = Rows(projection.tables)
        for each in house.log:
            projection.apply(each, rows)
        live = house.rows if name == "manager" else house.tables[name]
        assert rows.snapshot() == live.snapshot(), name
    again = Workforce(STAFF)
    for _ in range(20):
        again.run()
        again.now += REST_US
    first = [(event.employee, event.choice) for event in house.assigned]
    same = [(event.employee, event.choice) for event in again.assigned]
    assert same[:20] == first[:20]


def test_an_unused_employee_goes_back_towards_the_probation() -> None:
    house = Workforce(STAFF)
    for _ in range(TASKS // 2):
        house.run()
        house.now += REST_US
    best = max(("slow", "flaky", "good"), key=lambda name: house.career(name).tier_verified)
    reached = house.career(best).tier
    house.days(59)
    assert house.career(best).tier == reached, "control: before one half-life"
    house.days(3650)
    for _ in range(5):
        house.days(0)
    assert house.career(best).tier == "probation"
    assert {event.rule for event in house.events(employee.Demoted, best)} <= {"trust"}
