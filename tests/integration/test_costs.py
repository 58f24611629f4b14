"""The groups of `aura costs`: in each grouping, their sums equal the charges of the events exactly."""

import csv
import io
import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from bus.projection_rows import Rows, columns
from bus.projection_tables import Tables
from bus.store import Store
from director.cli.cost_text import costs_csv, costs_text
from director.services.costs import DIMENSIONS, CostLine, CostRequest, compare_usage, costs
from director.settings import Settings
from domain import task
from domain.message import Envelope, Event, Recorded
from domain.money import Amount
from projections.accountant import AccountantProjection
from runtime.roles import CONSUMERS
from tests.unit import runs
from tests.unit.given import decide
from tests.unit.samples import COMMAND, FIRST, ORDER, PRINCIPAL, SNAPSHOT, uuid

pytestmark = pytest.mark.needs_postgres
SEED = 13
DAY_US = 86_400_000_000
BEGIN = 1_769_817_600_000_000  # 2026-01-31, microseconds UTC
RUNS = {uuid(7000 + number): {"team": ("web", "api")[number % 2], "env": "prod"} for number in range(6)}
UNLABELLED = uuid(7777)


Charged = task.CallFinished | task.Released


def charges() -> list[tuple[Charged, int]]:
    """Return 400 events with a charge of random size, and their times. One in ten is a call that was cut off."""
    chance = random.Random(SEED)
    events: list[tuple[Charged, int]] = []
    for _ in range(400):
        ids: dict[str, Any] = {
            "run": chance.choice([*RUNS, UNLABELLED]),
            "task": FIRST,
            "employee": uuid(8000 + chance.randrange(3)),
            "order": ORDER,
        }
        charged = Amount(Decimal(chance.randrange(10**12)) / 10**12, chance.randrange(5000))
        snapshot = replace(
            SNAPSHOT,
            model=chance.choice(["gpt-5", "claude"]),
            input_tokens=chance.randrange(100),
            output_tokens=None if chance.random() < 0.1 else 7,
            cost=charged if chance.random() < 0.8 else None,
            cost_source="table 2026-01",
        )
        event: Charged = task.CallFinished(**ids, snapshot=snapshot, charged=charged)
        if chance.random() < 0.1:
            event = task.Released(**ids, reason="lease_ended", cut_off=True, charged=charged)
        events.append((event, BEGIN + chance.randrange(3 * DAY_US)))
    return events


@pytest.fixture
async def settings(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings of a store with the Accountant's rows for these charges, and no rows of other consumers."""
    projection, rows = AccountantProjection(), Rows(AccountantProjection.tables)
    submissions: list[tuple[Event, int]] = []
    for run, labels in RUNS.items():
        (event,) = decide(replace(runs.SUBMIT, run=run, labels=labels, estimate=None))
        submissions.append((event, BEGIN))
    for seq, (event, at) in enumerate([*submissions, *charges()], start=1):
        envelope = envelope_of(event, seq, at)
        projection.apply(Recorded(seq=seq, envelope=envelope, event=event), rows)
    store = await Store.open(postgres_dsn)
    async with store.connection() as connection:
        for make in CONSUMERS.values():
            await Tables(make().name, make().tables).create(connection)
        for table, kind in rows.tables.items():
            records = [tuple(getattr(row, name) for name in columns(kind)) for row in rows.all(kind)]
            await connection.copy_records_to_table(
                table, schema_name="accountant", records=records, columns=columns(kind)
            )
    await store.close()
    monkeypatch.setenv("AURA_POSTGRES_DSN", postgres_dsn)
    monkeypatch.setenv("AURA_NATS_URL", "nats://127.0.0.1:1")
    return Settings()


def envelope_of(event: Event, seq: int, at: int) -> Envelope:
    entity, entity_id = event.entity()
    return Envelope(
        id=uuid(90_000 + seq),
        type=event.type,
        version=event.version,
        entity=entity,
        entity_id=entity_id,
        run=None,
        employee=None,
        principal=PRINCIPAL,
        role="manager",
        occurred_at=at,
        command=COMMAND,
        cause=None,
        policy="",
        commitment="",
    )


def total(lines: list[CostLine]) -> tuple[Decimal, int, int]:
    return (
        sum((line.usd for line in lines), Decimal(0)),
        sum(line.tokens for line in lines),
        sum(line.calls for line in lines),
    )


GROUPINGS = [
    *((name,) for name in DIMENSIONS),
    ("run", "model"),
    ("label", "run", "model", "employee"),
    ("label.team",),
]


async def test_in_every_grouping_the_sums_equal_the_events_exactly(settings: Settings) -> None:
    events = [event for event, _ in charges()]
    expected = (
        sum((event.charged.usd for event in events), Decimal(0)),
        sum(event.charged.tokens for event in events),
        400,
    )
    for by in GROUPINGS:
        lines = await costs(settings, CostRequest(by=by))
        assert total(lines) == expected, by
        data = msgspec.to_builtins(lines, builtin_types=(Decimal,), enc_hook=str)
        cells = list(csv.DictReader(io.StringIO(costs_csv(data, by).decode())))
        assert sum((Decimal(line["usd"]) for line in cells), Decimal(0)) == expected[0], by
        assert len(cells) == len(lines)
        assert f"Total: {expected[0]:f} USD." in costs_text(data, by)


async def test_each_group_holds_its_own_events(settings: Settings) -> None:
    expected: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for event, _ in charges():
        model = event.snapshot.model if isinstance(event, task.CallFinished) else ""
        expected[str(event.run), model] += event.charged.usd
    lines = await costs(settings, CostRequest(by=("run", "model")))
    assert {(str(line.run), str(line.model)): line.usd for line in lines} == expected
    teams = await costs(settings, CostRequest(by=("label.team",)))
    assert [sorted(line.labels.items()) for line in teams if line.labels.get("team")] != []
    by_team: dict[str | None, Decimal] = defaultdict(Decimal)
    for event, _ in charges():
        by_team[RUNS.get(event.run, {}).get("team")] += event.charged.usd
    assert {line.labels.get("team"): line.usd for line in teams} == by_team


async def test_times_and_labels_choose_the_charges(settings: Settings) -> None:
    second = (BEGIN + DAY_US, BEGIN + 2 * DAY_US)
    lines = await costs(settings, CostRequest(since=second[0], until=second[1], labels={"team": "web"}))
    chosen = [
        event for event, at in charges() if second[0] <= at < second[1] and RUNS.get(event.run, {}).get("team") == "web"
    ]
    assert 0 < len(chosen) < 400
    assert total(lines)[0] == sum((event.charged.usd for event in chosen), Decimal(0))
    days = await costs(settings, CostRequest(by=("day",)))
    assert [line.day for line in days] == ["2026-02-02", "2026-02-01", "2026-01-31"]
    assert await costs(settings, CostRequest(labels={"team": "none"})) == []


async def test_the_usage_file_of_a_provider_is_compared(settings: Settings) -> None:
    lines = await costs(settings, CostRequest(by=("day", "model")))
    named = [line for line in lines if line.model == "gpt-5"]
    header = "day,model,input_tokens,output_tokens,cost\n"
    rows = [f"{line.day},{line.model},{line.input_tokens},{line.output_tokens},{line.usd:f}\n" for line in named]
    equal = await compare_usage(settings, (header + "".join(rows)).encode(), CostRequest())
    assert [line.differs for line in equal] == [False, False, False]
    rows[0] = f"{named[0].day},gpt-5,{named[0].input_tokens},{named[0].output_tokens},{named[0].usd + 1:f}\n"
    other = await compare_usage(
        settings, (header + "".join(rows[:2]) + "2026-02-02,other,1,1,1\n").encode(), CostRequest()
    )
    assert [(line.day, line.model, line.differs) for line in other] == [
        ("2026-02-02", "other", True),
        ("2026-02-02", "gpt-5", True),
        ("2026-02-01", "gpt-5", False),
    ]
