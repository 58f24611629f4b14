"""The log of release 0.1.0 in a real event store: every view is rebuilt, and its rows equal the recorded rows."""

import json
from uuid import uuid4

import pytest

from agents.employees.posting import Posting
from agents.employees.providers.table import profile_of
from bus.store import Store
from domain.employee import Hire
from domain.run_messages import Approve
from projections import replay
from runtime.roles import CONSUMERS
from tests.integration.folded_log import rows_of_log
from tests.integration.house import House, Sample, at, types
from tests.recording import checks, fixture
from tests.recording.fixture import Table

pytestmark = pytest.mark.needs_postgres
TODAY = {
    *(f"manager.{name}/#" for name in ("admit", "plan", "assign", "deliver", "end", "settle")),
    *("auditor.integrity/#", "auditor.stalled_task/#", "hr.strike/#", "verifier.verdict"),
    *("reception.call_finished", "reception.submitted", "due/#", "merge/#", "delivered/#", "released/#"),
}
"""The ways from a cause to a command that occur in one run with a cheat and with an employee that never answers."""
LATER = ("accountant.assess/#", "accountant.fine/#")
"""Ways that the former release did not have."""
VIEWS = {"accountant": {"score", "scorecard", "shadow_score"}}
"""SQL views of the rows, which a replay does not write."""


async def rebuilt(dsn: str, tables: dict[str, Table] | None = None) -> list[str]:
    """Put the recorded log into an empty store and rebuild all views.

    Return `consumer.table: row` for each difference.
    """
    store, found = await Store.open(dsn), list[str]()
    try:
        await fixture.load(store, tables)
        for name, make in CONSUMERS.items():
            assert await replay.rebuild(store, make()) == len(fixture.kept_log())
            async with store.connection() as connection:
                rows = await fixture.read_rows(connection, name)
            expected = json.loads((fixture.ROWS / f"{name}.json").read_bytes())
            kept = {table: rows[table] for table in rows if table not in VIEWS.get(name, set())}
            found += [f"{name}.{line}" for line in fixture.differences(expected, kept)]
        checked = await replay.check(store, [make() for make in CONSUMERS.values()])
        assert checked.differences == ()
    finally:
        await store.close()
    return found


async def test_every_view_is_rebuilt_from_it(postgres_dsn: str) -> None:
    assert await rebuilt(postgres_dsn) == []


async def test_control_one_altered_event_is_seen(postgres_dsn: str) -> None:
    """The reason for which the first run ended, in the payload alone."""
    types = {row["seq"]: row["type"] for row in fixture.log_table("event")}
    ended = next(row for row in fixture.log_table("payload") if types[row["seq"]] == "run.ended")
    payload = json.loads(ended["bytes"]) | {"reason": "another one"}
    altered = [
        row if row is not ended else {**row, "bytes": json.dumps(payload).encode()}
        for row in fixture.log_table("payload")
    ]
    found = await rebuilt(postgres_dsn, {"payload": altered})
    assert {line.partition(":")[0] for line in found} == {"manager.run"}
    assert any("another one" in line for line in found)


async def test_a_table_of_runs_has_rows_of_runs_only(postgres_dsn: str) -> None:
    """A consumer does not read such a table for an event without a run, so another scope would be lost."""
    store = await Store.open(postgres_dsn)
    others: set[str] = set()
    try:
        await fixture.load(store)
        runs = {recorded.envelope.run for recorded in await store.read(0, limit=10_000)}
        for make in CONSUMERS.values():
            rows = await rows_of_log(store, make())
            for kind in rows.tables.values():
                scopes = {row.scope for row in rows.all(kind)}
                assert not kind.of_runs or scopes <= runs, kind.table
                others |= {kind.table} if scopes - runs else set()
    finally:
        await store.close()
    assert others >= {"person", "employee", "organisation"}, "the control: other tables have other scopes"


@pytest.mark.parametrize("table", ["event", "blob"])
async def test_the_log_stands_in_the_store_as_it_was_kept(table: str, postgres_dsn: str) -> None:
    store = await Store.open(postgres_dsn)
    try:
        await fixture.load(store)
        async with store.connection() as connection:
            read = await fixture.read_log(connection)
        assert [{name: fixture.plain(value) for name, value in row.items()} for row in read[table]] == [
            {name: fixture.plain(value) for name, value in row.items()} for row in fixture.log_table(table)
        ]
        assert len(await store.read(0, limit=10_000)) == len(fixture.kept_log())
    finally:
        await store.close()


@pytest.mark.needs_nats
@pytest.mark.needs_sandbox
async def test_the_staff_of_today_names_its_commands_as_that_one_did(house: House) -> None:
    """Duties derive ids beside the log: what one of them has sent before an update it must not send again after it."""
    sample = Sample()
    await house.hire("cheat", {part: [sample.outside(part)] for part in sample.numbers})
    slow = {part: [*[sample.wrong(part)] * 3, sample.right(part)] for part in sample.numbers}
    await house.hire("honest", slow)
    ghost = Posting(name="ghost", kind="scripted", script="none", wall_s=0.5)
    hired = Hire(id=uuid4(), at=at(), employee=ghost.id, profile=profile_of(ghost))
    await house.director.handle(hired)
    async with house.running(lease_margin_s=0.3):
        run = await house.submit(sample, attempts_max=12)
        await house.until_type(run, "run.delivered")
        await house.director.handle(Approve(id=uuid4(), at=at(), run=run))
        await house.until(lambda log: "organisation.budget_settled" in types(log))
    async with house.office.store.connection() as connection:
        log = fixture.log_of(await fixture.read_log(connection))
    later = [{"of": "cause", "path": [way]} for way in LATER]
    rules = [*json.loads(fixture.HANDLERS.read_bytes()), *checks.rules_of_permits(log), *later]
    assert checks.ids(log, rules) == []
    assert checks.handlers(log, rules) >= TODAY, "control: all of them were asked"
    other = [rule for rule in rules if rule["path"] != ["verifier.verdict"]]
    assert any("its command follows from no cause" in line for line in checks.ids(log, other)), "control"
