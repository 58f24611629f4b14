"""The Director's view of the five employees of the simulation, through the SQL views: it says what the events say."""

from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from bus.projection_rows import Rows
from bus.projection_tables import Tables
from bus.store import Store
from director.services.cost_views import CHARGES
from director.services.scorecard_views import SCORECARDS
from director.services.views import CAREERS, INCIDENTS, PEOPLE, RECORD, SCORES
from domain import employee, incident, task
from domain.message import TaskEvent
from tests.unit.test_workforce import STAFF, Workforce, consumers, id_of, played

pytestmark = [pytest.mark.needs_postgres, pytest.mark.slow, pytest.mark.ci]


@pytest.fixture
async def views(postgres_dsn: str) -> AsyncIterator[Store]:
    """Yield a store with the rows of all consumers after the 200 tasks."""
    store = await Store.open(postgres_dsn)
    try:
        async with store.connection() as connection:
            for name, projection in consumers().items():
                rows = Rows(projection.tables)
                for recorded in played().log:
                    projection.apply(recorded, rows)
                tables = Tables(name, projection.tables)
                await tables.create(connection)
                await tables.write(connection, rows)
        yield store
    finally:
        await store.close()


def of(house: Workforce, name: str, *kinds: type[TaskEvent]) -> int:
    """Return the number of events of these classes about an employee."""
    return sum(isinstance(each.event, kinds) and each.event.employee == id_of(name) for each in house.log)


async def test_scores_tiers_strikes_and_costs_are_those_of_the_events(views: Store) -> None:
    house = played()
    scores = {line.employee: line for line in await SCORES.read(views)}
    careers = {line.employee: line for line in await CAREERS.read(views)}
    people = {line.employee: line for line in await PEOPLE.read(views)}
    assert scores.keys() == careers.keys() == people.keys() == {each.id for each in STAFF}
    for each in STAFF:
        score, career, person = scores[each.id], careers[each.id], people[each.id]
        assert (score.verified, score.rejected) == (
            of(house, each.name, task.Verified),
            of(house, each.name, task.Rejected),
        )
        charged = [event.charged.usd for event in house.events(task.CallFinished, each.name)]
        assert (score.charged_usd, score.calls) == (sum(charged, Decimal(0)), len(charged))
        assert score.integrity == person.strikes == house.person(each.name).strikes
        moves = house.events(employee.TierChanged, each.name)
        tier = moves[-1].tier if moves else "probation"
        assert tier in career.tier
        assert (person.tier, score.tier) == (tier, tier)
        assert career.handicap_percent == house.career(each.name).handicap_percent
    assert scores[id_of("good")].trust > scores[id_of("lazy")].trust > scores[id_of("cheater")].trust
    record = [(line.employee, line.kind) for line in await RECORD.read(views)]
    answers = {
        employee.Warned: "warned",
        employee.Suspended: "suspended",
        employee.Reinstated: "reinstated",
        employee.Dismissed: "dismissed",
        employee.Fined: "fined",
        employee.Promoted: "promoted",
        employee.Demoted: "demoted",
    }
    log = [each.event for each in house.log if isinstance(each.event, tuple(answers))]
    assert Counter(record) == Counter((event.employee, answers[type(event)]) for event in log)  # type: ignore[union-attr]
    kinds = Counter(record)
    of_the_cheater = ("warned", "suspended", "reinstated", "dismissed", "fined")
    assert [kinds[id_of("cheater"), kind] for kind in of_the_cheater] == [1, 1, 1, 1, 3]


async def test_scorecards_incidents_and_charges_are_those_of_the_events(views: Store) -> None:
    house = played()
    cards: Counter[tuple[UUID, str]] = Counter()
    for card in await SCORECARDS.read(views):
        numbers = msgspec.structs.asdict(card)
        for column in ("attempts", "verified", "rejected", "declined", "faults", "integrity"):
            cards[card.employee, column] += numbers[column]
    for each in STAFF:
        calls = house.events(task.CallFinished, each.name)
        outcomes = Counter(event.snapshot.outcome for event in calls)
        assert cards[each.id, "attempts"] == of(house, each.name, task.Assigned)
        assert cards[each.id, "verified"] == of(house, each.name, task.Verified)
        assert cards[each.id, "faults"] == outcomes["connection"] + of(house, each.name, task.Released)
        assert cards[each.id, "declined"] == outcomes["declined"]
    assert cards[id_of("flaky"), "faults"] > 0 < cards[id_of("lazy"), "declined"], (
        "control: there is something to count"
    )
    raised = [each.event for each in house.log if isinstance(each.event, incident.Raised)]
    shown = await INCIDENTS.read(views, None, None)
    assert Counter(line.rule for line in shown) == Counter(event.rule for event in raised)
    charges = {line.employee: line.usd for line in await CHARGES.read(views, None, None, "{}", ["employee"], [])}
    for each in STAFF:
        charged = (event.charged.usd for event in house.events(task.CallFinished, each.name))
        assert charges[each.id] == sum(charged, Decimal(0)) > 0
