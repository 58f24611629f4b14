"""Recording of the log of release 0.1.0: `python -m tests.recording.release_0_1_0`. It ran once, and the log is kept.

With --rows only the expected results of the recorded log are written again, for an intentional change of a read model.
Give the reason in the commit, and put the new digest of the rows into tests/integration/test_release_0_1_0.py.
"""

import asyncio
import json
import re
import shutil
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bus.embedded.home import Home
from bus.embedded.servers import postgres_at
from bus.store import Store
from projections import replay
from runtime.roles import CONSUMERS
from tests.acceptance.cli import Aura
from tests.recording import fixture
from tests.recording.fixture import Table
from tests.recording.folding import all_asked, events, folded
from tests.recording.handlers import RULES
from tests.recording.scenario import Scenario, subjects, with_office

ROOT = Path("/tmp/aura-0.1.0")
"""The folder of the organisation during the recording. Its events contain this path, so the path is neutral."""
KEPT_IN_HOME = ("keys", "employees", "run/layout.json")
"""The parts of a home that are kept: no data or password of a server, no process log and no cache."""


def main() -> None:
    if sys.argv[1:] == ["--rows"]:
        write_rows({})
        return
    if fixture.FIXTURE.exists():
        sys.exit(f"{fixture.FIXTURE} is there: a release is recorded once.")
    ROOT.mkdir(mode=0o711)
    aura = Aura(ROOT).inside()
    try:
        Scenario(aura).play()
        found: list[Table] = []

        async def read(office: Any) -> None:
            found.append(await subjects(office))

        asyncio.run(with_office(aura.home, read))
    finally:
        aura.run("down")
    keep(aura, found[0])
    shutil.rmtree(ROOT)


def keep(aura: Aura, under: Table) -> None:
    """Write the fixture from a home in which nothing happens any more. `under`: the subject of each message."""
    server = postgres_at(Home(aura.home))
    server.start_and_wait()
    try:
        live = asyncio.run(_read(server.url, under))
    finally:
        server.stop()
    for name in KEPT_IN_HOME:
        copied = shutil.copytree if (aura.home / name).is_dir() else shutil.copyfile
        (fixture.HOME / name).parent.mkdir(parents=True, exist_ok=True)
        copied(aura.home / name, fixture.HOME / name)
    fixture.pack_deliveries(aura.home / "deliveries")
    write_commands()
    write_rows(live)
    print(Counter(kept.recorded().envelope.type for kept in fixture.kept_log() if kept.void is None))


async def _read(dsn: str, under: Table) -> dict[str, dict[str, Table]]:
    """Write the log's tables, and return the live rows of every consumer."""
    store = await Store.open(dsn)
    try:
        checked = await replay.check(store, [make() for make in CONSUMERS.values()])
        assert checked.differences == (), checked.differences
        async with store.connection() as connection:
            tables = await fixture.read_log(connection)
            live = {name: await fixture.read_rows(connection, name) for name in CONSUMERS}
    finally:
        await store.close()
    assert len(under) == len(tables["event"]), "something happened while it was told to stop"
    for name, rows in (tables | {fixture.SUBJECT: under}).items():
        fixture.write_lines(fixture.LOG / f"{name}.jsonl.gz", rows)
    return live


def write_commands() -> None:
    """Write the commands of the reactions, and the rules by which a command's id follows from its cause."""
    lines = all_asked(events(fixture.kept_log()))
    fixture.COMMANDS.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    fixture.HANDLERS.write_text(json.dumps(RULES, indent=1) + "\n")


def write_rows(live: Mapping[str, Mapping[str, Table]]) -> None:
    """Write the expected rows of the recorded log.

    `live`: the rows in Postgres, which are compared with the written rows.
    """
    shutil.rmtree(fixture.ROWS, ignore_errors=True)
    fixture.ROWS.mkdir()
    log = events(fixture.kept_log())
    for name in CONSUMERS:
        told = folded(name, log)
        _write(fixture.ROWS / f"{name}.json", told.rows)
        _write(fixture.ROWS / f"{name}.on-the-way.json", told.on_the_way)
        stood = {table: rows for table, rows in live.get(name, told.rows).items() if table in told.rows}
        assert fixture.differences(told.rows, stood) == [], name
    print("rows", fixture.digest(fixture.row_files()))
    print("data", fixture.digest(fixture.data_files()))


def _write(path: Path, value: object) -> None:
    path.write_text(re.sub(r"\n {3,}", " ", json.dumps(value, indent=1, sort_keys=True)) + "\n")


if __name__ == "__main__":
    main()
