"""Questions of an investigator: the filters of `aura events`, alone and together, and the output of `aura why`."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.acceptance.cli import WAIT_S, Aura, homely
from tests.integration.house import Sample

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats]


@pytest.fixture(scope="module")
def stack() -> Iterator[Aura]:
    """Yield an organisation with one delivered run by anna, which includes a rejection."""
    with homely("up", "--no-model") as aura:
        sample = Sample()
        aura.inside().hire("anna", {"T1": [sample.wrong("T1"), sample.right("T1")]})
        line = aura.inside().json("submit", aura.requirement(sample), "--wait")
        assert line["phase"] == "delivered"
        yield aura


@pytest.fixture(scope="module")
def aura(stack: Aura) -> Aura:
    return stack.inside()


@pytest.fixture(scope="module")
def log(aura: Aura) -> list[dict[str, Any]]:
    return aura.lines("events")


def sequences(lines: list[dict[str, Any]]) -> list[int]:
    return [line["seq"] for line in lines]


def of(log: list[dict[str, Any]], **wanted: object) -> list[int]:
    """Return the expected result of a filter: the sequences of events whose envelope has these values."""
    return [line["seq"] for line in log if all(line["envelope"][name] == value for name, value in wanted.items())]


def iso(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).isoformat()


def test_an_actor_is_a_role_or_a_principal(aura: Aura, log: list[dict[str, Any]]) -> None:
    found = aura.lines("events", "--actor", "verifier")
    assert sequences(found) == of(log, role="verifier") != []
    principal = found[0]["envelope"]["principal"]
    assert aura.lines("events", "--actor", principal) == found
    assert aura.lines("events", "--actor", principal[:12]) == found
    error = aura.json("events", "--actor", "nobody", code=2)
    assert "verifier" in error["hint"]


def test_an_entity_is_an_id_or_the_name_of_an_employee(aura: Aura, log: list[dict[str, Any]]) -> None:
    rejected = next(line for line in log if line["envelope"]["type"] == "task.rejected")
    task, employee = rejected["envelope"]["entity_id"], rejected["envelope"]["employee"]
    assert sequences(aura.lines("events", "--entity", task)) == of(log, entity_id=task)
    assert aura.lines("events", "--entity", task[:20]) == aura.lines("events", "--entity", task)
    about_anna = sorted({*of(log, entity_id=employee), *of(log, employee=employee)})
    assert sequences(aura.lines("events", "--entity", "anna")) == about_anna != of(log, entity_id=employee)
    assert aura.lines("events", "--entity", employee) == aura.lines("events", "--entity", "anna")
    assert aura.json("events", "--entity", "berta", code=3)["hint"]
    assert aura.json("events", "--entity", "ffffffff-ffff", code=3)["hint"]


def test_since_and_until_are_sequences_or_times_and_inclusive(aura: Aura, log: list[dict[str, Any]]) -> None:
    assert sequences(aura.lines("events", "--since", "4", "--until", "7")) == [4, 5, 6, 7]
    assert sequences(aura.lines("events", "--since", "4", "--after", "5", "--until", "7")) == [6, 7]
    times = sorted(line["envelope"]["occurred_at"] for line in log)
    first, last = times[3], times[-3]
    inside = [line["seq"] for line in log if first <= line["envelope"]["occurred_at"] <= last]
    assert sequences(aura.lines("events", "--since", iso(first), "--until", iso(last))) == inside
    assert 0 < len(inside) < len(log)
    assert aura.lines("events", "--until", "2000-01-01") == []
    assert "2026-01-31T12:00" in aura.json("events", "--since", "yesterday", code=2)["hint"]


def test_filters_narrow_each_other_down(aura: Aura, log: list[dict[str, Any]]) -> None:
    run = next(line for line in log if line["envelope"]["run"])["envelope"]["run"]
    narrow = ("--run", run, "--actor", "manager", "--type", "task.", "--entity", "anna", "--since", "1")
    found = aura.lines("events", *narrow)
    assert sequences(found) == [
        line["seq"]
        for line in log
        if line["envelope"]["role"] == "manager" and line["envelope"]["type"].startswith("task.")
    ]
    assert aura.lines("events", "--actor", "hr", "--type", "task.") == []


def test_follow_shows_what_comes_through_the_same_filters(stack: Aura, aura: Aura, log: list[dict[str, Any]]) -> None:
    following = stack.begin(
        *("events", "--follow", "--after", "0", "--actor", "director", "--type", "organisation.", "--json")
    )
    try:
        assert following.stdout is not None
        expected = [line for line in log if line["envelope"]["type"] == "organisation.founded"]
        assert json.loads(following.stdout.readline()) == expected[0]
        aura.json("pause", "--reason", "to be followed")
        aura.json("resume", "--reason", "followed")
        came = [json.loads(following.stdout.readline())["envelope"]["type"] for _ in range(3)]
        assert came == ["organisation.routing_set", "organisation.paused", "organisation.resumed"]
    finally:
        following.terminate()
        following.communicate(timeout=WAIT_S)
    assert aura.json("events", "--follow", "--until", "9", code=2)["hint"]


@pytest.mark.slow
@pytest.mark.ci
def test_follow_alone_shows_nothing_of_the_past(stack: Aura, aura: Aura) -> None:
    following = stack.begin("events", "--follow", "--json")
    try:
        assert following.stderr is not None
        assert following.stdout is not None
        last = aura.status()["last_event"]
        assert following.stderr.readline() == (
            f"Following from event {last + 1} on. To begin with the first event: aura events --follow --after 0\n"
        )
        aura.json("pause", "--reason", "to be followed")
        assert json.loads(following.stdout.readline())["seq"] == last + 1
        aura.json("resume", "--reason", "followed")
    finally:
        following.terminate()
        following.communicate(timeout=WAIT_S)


def test_why_tells_the_story_in_words(aura: Aura, log: list[dict[str, Any]]) -> None:
    rejected = next(line for line in log if line["envelope"]["type"] == "task.rejected")
    text = aura.text("why", str(rejected["seq"]))
    before, rest = text.split("This event:")
    this, after = rest.split("Effects of this event:")
    assert "submitted: Adders" in before
    assert "attempt 1 to anna" in before
    assert "T1: rejected, by anna (scripted): wrong_result" in this
    assert rejected["envelope"]["id"] in this
    assert "attempt 2 to anna" in after
    assert "delivered to" in after
    whole = aura.json("why", rejected["envelope"]["id"])
    assert sequences(whole["causes"])[0] == next(
        one["seq"] for one in log if one["envelope"]["cause"] is None and one["envelope"]["run"]
    )
    assert "the director began it" in aura.text("why", str(whole["causes"][0]["seq"]))


def test_run_show_tells_when_and_where_the_record_stands(aura: Aura, log: list[dict[str, Any]]) -> None:
    submitted = next(line for line in log if line["envelope"]["type"] == "run.submitted")
    text = aura.text("run", "show", "last")
    at = datetime.fromtimestamp(submitted["envelope"]["occurred_at"] / 1_000_000, UTC)
    assert f"Submitted {at:%Y-%m-%d %H:%M:%S} UTC" in text
    run = text.split("aura events --run ")[1].split(";")[0]
    assert sequences(aura.lines("events", "--run", run))[0] == submitted["seq"]
