"""Stops, a second start, deaths, and starts on a stream or rows that differ from the record."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import pytest

from bus.embedded.home import Home
from bus.embedded.servers import Server, nats_at, postgres_at
from bus.embedded.stack import ChildStatus, status
from bus.fork_check import Forked
from domain.errors import Failed
from runtime.composition import Organisation
from runtime.process_config import Setup
from tests.acceptance.cli import WAIT_S, Aura, homely
from tests.clusters import with_cluster
from tests.integration.house import House, Sample
from tests.tiers import CI

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats]

UP = ("up", "--no-model")
ENDING_WAIT_S = 240.0
KILLS = 3
"""The wait after the third kill is so long that a test can observe it."""


@pytest.fixture(scope="module")
def aura() -> Iterator[Aura]:
    with homely(*UP) as aura:
        yield aura.inside()


def deliver(aura: Aura, name: str, *, delay_s: float = 0.0, wait: bool = True) -> str:
    """Suspend all other employees, and run a requirement with the hired employee."""
    for person in aura.json("employees")["employees"]:
        if person["phase"] == "working":
            aura.json("suspend", person["name"], "--reason", "another one is tried")
    sample = Sample()
    aura.hire(name, {"T1": [sample.right("T1")]}, delay_s=delay_s)
    run: str = aura.json("submit", aura.requirement(sample))["run"]
    if wait:
        assert aura.json("watch", run)["phase"] == "delivered"
    else:
        aura.until(lambda: aura.json("run", "show", run)["attempts"])
    return run


def child(aura: Aura, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in aura.status()["children"] if one["name"] == name)
    return found


@pytest.mark.slow
@pytest.mark.ci
def test_a_second_up_finds_the_first_also_when_both_begin_at_once() -> None:
    with homely() as aura:
        both = [aura.begin(*UP, "--json") for _ in range(2)]
        said = [process.communicate(timeout=WAIT_S) for process in both]
        assert [process.returncode for process in both] == [0, 0], said
        assert aura.json(*UP)["supervisor_pid"] == aura.status()["supervisor_pid"]
        processes = {child["pid"] for out, _ in said for child in json.loads(out)["data"]["children"]}
        assert len(processes) == 3
        founded = [event["envelope"]["type"] for event in aura.lines("events")]
        assert founded == ["organisation.founded", "organisation.routing_set"]


def test_killed_and_stopped_in_the_middle_of_a_run_which_goes_on(aura: Aura) -> None:
    run = deliver(aura, "slow", delay_s=3.0, wait=False)
    before = child(aura, "organisation")
    os.kill(before["pid"], signal.SIGKILL)
    after = aura.until(lambda: (now := child(aura, "organisation"))["ready"] and now["pid"] != before["pid"] and now)
    assert after["restarts"] == before["restarts"] + 1
    assert aura.status()["problem"] is None

    assert aura.json("down") == {"running": False, "drained": True, "found": []}
    assert aura.answer("status", code=69)["data"]["running"] is False
    assert aura.json("down") == {"running": False}
    away = aura.folder / "nats-store"
    os.rename(aura.home / "data" / "nats", away)
    checked = aura.json("replay", "--check")
    assert checked["differences"] == []
    assert set(checked["positions"].values()) == {checked["events"]}
    assert set(checked["positions"]) == {"manager", "verifier", "auditor", "accountant", "hr"}
    assert len(aura.lines("events")) == checked["events"]
    assert aura.json("run", "show", run)["run"]["phase"] == "planned"
    assert aura.answer("status", code=69)["data"]["running"] is False
    os.rename(away, aura.home / "data" / "nats")

    aura.json(*UP)
    assert aura.json("watch", run)["phase"] == "delivered"
    shown = aura.json("run", "show", run)
    assert [one["verified"] for one in shown["attempts"]] == [None, True], "the call that was cut off, and another"
    assert aura.json("replay", "--check")["differences"] == []


def organisation(aura: Aura) -> ChildStatus:
    return next(one for one in status(aura.home).children if one.name == "organisation")


@pytest.mark.slow
@pytest.mark.ci
def test_down_says_that_the_organisation_had_died_before() -> None:
    with homely(*UP) as aura:
        inside = aura.inside()
        killed: list[int] = []
        while len(killed) < KILLS:
            killed.append(inside.until(lambda: organisation(aura).pid))
            os.kill(killed[-1], signal.SIGKILL)
            inside.until(lambda: organisation(aura).restarts == len(killed))
        said = inside.run("down")
    assert said.code == 0
    assert said.out.startswith("The organisation had already ended (killed by SIGKILL); servers stopped.")


@pytest.mark.slow
@pytest.mark.ci
def test_one_changed_value_is_found_and_named(aura: Aura) -> None:
    run = deliver(aura, "exact")
    aura.json("down")
    change(aura, "UPDATE accountant.account SET charged_tokens = charged_tokens + 1 WHERE scope = $1", run)
    whole = aura.answer("replay", "--check", code=6)
    (difference,) = whole["data"]["differences"]
    assert (difference["consumer"], difference["table"]) == ("accountant", "account")
    assert (difference["what"], difference["columns"]) == ("changed", ["charged_tokens"])
    assert difference["key"].startswith(run)
    assert difference["key"] in whole["error"]["message"]
    assert "accountant.account" in whole["error"]["message"]
    said = aura.run("replay", "--check")
    assert said.code == 6
    assert "accountant.account" in said.out
    aura.json("replay", "accountant")
    assert aura.json("replay", "--check")["differences"] == []
    aura.json(*UP)


def change(aura: Aura, statement: str, run: str) -> None:
    """Change one row directly in the database."""
    server = postgres_at(Home(aura.home))
    server.start_and_wait()
    try:
        asyncio.run(execute(server.url, statement, run))
    finally:
        server.stop()


async def execute(url: str, statement: str, run: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        assert await connection.execute(statement, run) == "UPDATE 1"
    finally:
        await connection.close()


@pytest.mark.slow
def test_a_lost_stream_is_said_and_repaired_when_asked(aura: Aura) -> None:
    events = aura.status()["last_event"]
    aura.json("down")
    os.rename(aura.home / "data" / "nats", aura.folder / "lost")
    error = aura.json(*UP, code=69)
    assert "repair" in error["message"] + error["hint"]
    error = aura.json("repair", code=7)
    assert "--yes" in error["hint"]
    assert aura.json("repair", code=7)["message"] == error["message"], "asking touches nothing"
    repaired = aura.json("repair", "--yes")
    assert (repaired["repaired"], repaired["last"]) == (True, events)
    aura.json(*UP)
    assert aura.json("repair") == {"repaired": False}
    deliver(aura, "after")
    assert aura.json("replay", "--check")["differences"] == []


class Failing(Organisation):
    """An organisation in which one duty fails immediately."""

    async def _build(self) -> None:
        await super()._build()
        self._duties.append(fail)


async def fail(_: asyncio.Event) -> None:
    raise Failed("This duty cannot go on.", hint="It is a test.")


class Deaf(Failing):
    """A duty that ignores a cancel, as sometimes happens with wait_for."""

    async def _build(self) -> None:
        await super()._build()
        self._duties.append(deaf)


async def deaf(stop: asyncio.Event) -> None:
    while not stop.is_set():
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("kind", [Failing, pytest.param(Deaf, marks=CI)])
async def test_an_organisation_of_which_one_part_fails_ends(kind: type[Organisation]) -> None:
    """None of its parts is left at work alone."""
    async with founded() as (aura, database, stream):
        with pytest.raises(ExceptionGroup) as raised:
            await run(kind(Setup(aura.home, stream.url, database.url)))
        assert raised.group_contains(Failed)


@pytest.mark.slow
@pytest.mark.ci
async def test_an_organisation_whose_stream_is_another_one_is_never_ready() -> None:
    """`aura up` answers as soon as all are ready: it must not call this a success."""
    told: list[str] = []
    async with founded() as (aura, database, _):
        other = nats_at(aura.folder / "servers" / "other")
        try:
            await other.start()
            with pytest.raises(Forked):
                await run(Organisation(Setup(aura.home, other.url, database.url)), lambda: told.append("ready"))
        finally:
            other.stop()
    assert told == []


async def run(organisation: Organisation, ready: Callable[[], None] = lambda: None) -> None:
    await asyncio.wait_for(organisation.run(asyncio.Event(), ready), ENDING_WAIT_S)


@asynccontextmanager
async def founded() -> AsyncIterator[tuple[Aura, Server, Server]]:
    """Return a home with an organisation and some events, and its servers: Postgres and NATS."""
    with homely() as aura:
        home = with_cluster(aura.folder / "servers")
        database, stream = postgres_at(home), nats_at(home.path / "one")
        try:
            for server in (database, stream):
                await server.start()
            house = House(aura.home, stream.url, database.url)
            await house.open()
            await house.found()
            async with house.running():
                await house.log()
            await house.office.close()
            yield aura, database, stream
        finally:
            for server in (stream, database):
                server.stop()
