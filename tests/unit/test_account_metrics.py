"""The gauges of accounts: capacity, use and rest, as the rows of the manager say."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from bus.projection_rows import Rows
from domain import task
from domain.message import ORGANISATION, Event
from domain.model_account import AccountLimits
from domain.run import MINUTE_US
from observability.account_metrics import ACCOUNTS_MAX, AccountMetrics, open_calls
from projections.accounts import DAY_US, AccountRow
from projections.manager import ManagerProjection
from tests.unit.samples import ANSWERED, AT, CALLING, RUN
from tests.unit.world import World

MAIN = AccountRow(
    scope=ORGANISATION,
    key="main",
    server="https://api.example",
    limits=AccountLimits(requests_per_minute=60, calls_max=4, usd_per_day=Decimal("12.50")),
    minute=AT // MINUTE_US,
    requests=7,
    day=AT // DAY_US,
    day_usd=Decimal("2.50"),
    closed_until=AT + 1,
)


def shown(*rows: AccountRow, now: int = AT) -> dict[tuple[str, ...], float]:
    """Return the gauges of these rows, by metric and labels."""
    registry, table = CollectorRegistry(), Rows(ManagerProjection().tables)
    for row in rows:
        table.put(row)
    metrics = AccountMetrics(registry)
    metrics.show(table, [], now)
    return {
        (sample.name.removeprefix("aura_account_"), *sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
    }


def test_the_limits_that_are_set_have_a_capacity_and_a_use() -> None:
    assert shown(MAIN) == {
        ("resting", "main"): 1.0,
        ("capacity", "main", "requests_per_minute"): 60.0,
        ("used", "main", "requests_per_minute"): 7.0,
        ("capacity", "main", "calls"): 4.0,
        ("used", "main", "calls"): 0.0,
        ("capacity", "main", "usd_per_day"): 12.5,
        ("used", "main", "usd_per_day"): 2.5,
    }


@pytest.mark.parametrize(
    ("later", "requests", "usd", "resting"), [(0, 7, 2.5, 1), (MINUTE_US, 0, 2.5, 0), (DAY_US, 0, 0, 0)]
)
def test_a_use_ends_with_its_minute_or_its_day(later: int, requests: int, usd: float, resting: int) -> None:
    found = shown(MAIN, now=AT + later)
    assert found["used", "main", "requests_per_minute"] == requests
    assert found["used", "main", "usd_per_day"] == usd
    assert found["resting", "main"] == resting


def test_a_removed_account_has_no_gauge_and_few_have_one() -> None:
    registry, table = CollectorRegistry(), Rows(ManagerProjection().tables)
    metrics = AccountMetrics(registry)
    table.put(MAIN)
    metrics.show(table, [], AT)
    assert registry.get_sample_value("aura_account_resting", {"account": "main"}) == 1, "control"
    table.drop(AccountRow, ORGANISATION, "main")
    metrics.show(table, [], AT)
    assert registry.get_sample_value("aura_account_resting", {"account": "main"}) is None
    many = shown(*(replace(MAIN, key=f"key-{number:03}") for number in range(ACCOUNTS_MAX + 5)))
    assert sum(name == "resting" for name, *_ in many) == ACCOUNTS_MAX


def test_an_open_call_uses_its_account_until_its_receipt() -> None:
    def calls(events: Sequence[Event]) -> Counter[str]:
        world = World()
        for event in events:
            world.apply(replace(event, account="main") if isinstance(event, task.CallStarted) else event)
        return open_calls([world.runs[RUN]])

    assert calls(CALLING) == {"main": 1}
    assert calls(ANSWERED) == {}, "control: after the receipt"
