"""Model servers that fail in every way, a key that appears nowhere, and budgets of 0."""

import itertools
import json
from collections.abc import Iterator
from contextlib import ExitStack

import asyncpg
import pytest

from bus.embedded.stack import status
from tests.acceptance.cli import Aura, Server, homely, the_object
from tests.integration.house import Sample
from tests.loopback import Loopback, Reply, completion, cut, hang, honest, raw
from tests.tiers import CI

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats]

KEY = "sk-acceptance-0123456789abcdefghij"
names = (f"model-{number}" for number in itertools.count(1))


@pytest.fixture(scope="module")
def aura() -> Iterator[Aura]:
    with homely("up", "--no-model", OPENAI_API_KEY=KEY) as aura:
        yield aura.inside()


def echo(status: int) -> Reply:
    """Return an error that repeats the key, as some servers do."""
    return raw(status, json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}"}}).encode())


FAILURES: list[tuple[Reply, str]] = [
    (echo(429), "rate_limit"),
    (echo(500), "overloaded"),
    (echo(401), "auth"),
    (cut, "connection"),
    (raw(200, b"<html>not json " + KEY.encode()), "malformed_response"),
    (raw(200, completion("")), "empty"),
    (hang, "timeout"),
]


def vacate(aura: Aura) -> None:
    """Suspend all employees, so that the next run goes to the next hired employee."""
    for person in aura.json("employees")["employees"]:
        if person["phase"] == "working":
            aura.json("suspend", person["name"], "--reason", "another one is tried")


def hire(aura: Aura, server: Loopback, *, wall_s: str = "60") -> str:
    """Hire a model on this server, and return its name."""
    name = next(names)
    aura.json("hire", name, "--base-url", server.base_url, "--model", "asked", "--local", "--wall-s", wall_s)
    return name


def answered(sample: Sample) -> Reply:
    (text,) = sample.right("T1").values()
    return honest(f"Here it is, and your key is {KEY}:\n```python\n{text}```\n")


@pytest.mark.slow
@pytest.mark.ci
def test_every_failure_is_typed_and_its_task_goes_to_another(aura: Aura) -> None:
    vacate(aura)
    sample = Sample()
    with ExitStack() as servers:
        broken = [servers.enter_context(Server(reply)) for reply, _ in FAILURES]
        failing = {
            hire(aura, server, wall_s="2" if failure == "timeout" else "60"): failure
            for server, (_, failure) in zip(broken, FAILURES, strict=True)
        }
        run = aura.json("submit", aura.requirement(sample), "--attempts", "100")["run"]
        aura.until(lambda: failures(aura, run) == failing)
        honest_one = hire(aura, servers.enter_context(Server(answered(sample))))
        assert aura.json("watch", run)["phase"] == "delivered"
        broken[-1].reply = echo(503)  # a probe waits longer for one that hangs than a test should
        said = aura.run("employees", "--probe", "--json")
    shown = aura.json("run", "show", run)
    assert {one["employee_name"] for one in shown["attempts"] if one["verified"]} == {honest_one}
    assert failures(aura, run) == failing
    for server in broken:
        assert {request.headers["authorization"] for request in server.seen} == {f"Bearer {KEY}"}
    results = {person["name"]: person["probe"] for person in the_object(said)["data"]["employees"]}
    assert {name for name, result in results.items() if result.startswith("ok")} == {honest_one}
    (empty,) = [results[name] for name, failure in failing.items() if failure == "empty"]
    assert empty.startswith("The model's answer is empty. ")
    assert said.code == 1
    assert KEY not in said.out + said.err


def failures(aura: Aura, run: str) -> dict[str, str]:
    """Return, for each employee, the outcomes of its failed calls."""
    attempts = aura.json("run", "show", run)["attempts"]
    return {one["employee_name"]: one["outcome"] for one in attempts if one["outcome"] not in (None, "answered")}


@pytest.mark.parametrize("nothing", ["usd", pytest.param("tokens", marks=CI), pytest.param("minutes", marks=CI)])
def test_a_budget_of_nothing_asks_nobody(aura: Aura, nothing: str) -> None:
    budget = {"usd": '"1.00"', "tokens": "1000000", "minutes": "20"} | {nothing: '"0"' if nothing == "usd" else "0"}
    sample = Sample(budget="{" + ", ".join(f"{unit}: {amount}" for unit, amount in budget.items()) + "}")
    vacate(aura)
    with Server(answered(sample)) as server:
        hire(aura, server)
        error = aura.json("submit", aura.requirement(sample), "--wait", code=1)
        assert server.seen == []
        assert error["code"] == "refused"
        assert nothing in error["message"].lower()
        assert aura.json("run", "show", "last")["run"]["outcome"] == "refused"
        control = Sample()
        server.reply = answered(control)
        assert aura.json("submit", aura.requirement(control), "--wait")["phase"] == "delivered"
        assert len(server.seen) == 1


async def test_the_key_is_kept_nowhere(aura: Aura) -> None:
    endpoints = status(aura.home).endpoints
    assert endpoints is not None
    connection = await asyncpg.connect(endpoints.postgres_dsn)
    try:
        blobs = [row["bytes"] for row in await connection.fetch("SELECT bytes FROM log.blob")]
        payloads = [row["bytes"] for row in await connection.fetch("SELECT bytes FROM log.payload")]
        events = [row["envelope"] for row in await connection.fetch("SELECT envelope FROM log.event")]
    finally:
        await connection.close()
    for rows in (blobs, payloads, events):
        assert rows
        assert not [row for row in rows if KEY.encode() in bytes(row)]
    assert any(b"your key is" in bytes(row) for row in blobs), "control: the answer that named it is kept"
    files = [path for path in aura.home.rglob("*") if path.is_file()]
    assert any(path.name == "organisation.log" for path in files)
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
