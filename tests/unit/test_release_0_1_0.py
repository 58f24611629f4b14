"""This release reads the records of release 0.1.0 with their meaning, without servers. They are never made again.

Each check has a control: the same check on the same log with one altered event, blob or file.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from agents.employees.postings import load_all
from governance import keys, signing
from runtime.roles import CONSUMERS
from tests.recording import checks, fixture
from tests.recording.fixture import Kept
from tests.recording.folding import REACTORS, Asked, Folded, all_asked, events, folded

DATA = "9a6620abe37013bbff1d8505190b5658f0553bc0726da2bed7ac23b086b63b2c"
"""The digest of the log, the deliveries, the home and the commands. It never changes."""
ROWS = "a9960db6058723501e9dabf14481c39c410a3f8e5de5245aecacf33c00dfb7f9"
"""The digest of the rows. It changes only with a read model: python -m tests.recording.release_0_1_0 --rows"""
VOIDS = {
    "it is not an event message",
    "its subject does not follow from its envelope",
    "an event with this id stands earlier in the log",
    "the run had ended",
    "the organisation was paused",
    "the organisation was halted",
    "the employee was suspended",
}
OUTCOMES = {"delivered", "rejected", "refused", "declined", "cancelled"}
BYTES_MAX = 2 * 1024**2
FIRST_TYPES = {
    *(f"organisation.{name}" for name in ("founded", "budget_set", "paused", "halted", "resumed")),
    *("organisation.budget_reserved", "organisation.budget_settled", "incident.raised", "refusal.refused"),
    *(f"employee.{name}" for name in ("hired", "warned", "suspended", "reinstated")),
    *(f"run.{name}" for name in ("submitted", "admitted", "planned", "merged", "verified", "rejected")),
    *(f"run.{name}" for name in ("delivery_started", "delivered", "approved", "released", "ended")),
    *(f"task.{name}" for name in ("assigned", "call_started", "call_finished", "submitted")),
    *(f"task.{name}" for name in ("verified", "rejected", "released")),
}
"""All event types that release 0.1.0 could write."""
INCIDENTS = {
    "integrity",
    "stalled_task",
    "repeated_failure",
    "void_event",
    "parked_event",
    "weak_criteria",
    "cost_spike",
}
MAY_NOW_CAUSE = {
    "organisation.founded": "organisation.founded organisation.routing_set",
    "employee.warned employee.suspended": "employee.warned employee.suspended employee.dismissed",
}
"""The events that a command of release 0.1.0 could cause -> those that it can cause now.

A strike without rules still ends no employment.
"""
PARKED = {"manager": 6, "verifier": 2, "auditor": 2, "accountant": 2, "hr": 3}


@pytest.fixture(scope="module")
def log() -> tuple[Kept, ...]:
    return fixture.kept_log()


@pytest.fixture(scope="module")
def whole(log: tuple[Kept, ...]) -> dict[str, Folded]:
    """Return every consumer after the whole log."""
    read = events(log)
    return {name: folded(name, read) for name in CONSUMERS}


def expected(name: str) -> Any:
    return json.loads((fixture.ROWS / f"{name}.json").read_bytes())


def payload_of(kept: Kept) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(kept.payload or b"{}")
    return read


def with_type(log: tuple[Kept, ...], event_type: str) -> list[Kept]:
    return [kept for kept in log if kept.void is None and kept.recorded().envelope.type == event_type]


def test_nobody_has_recorded_it_anew() -> None:
    assert fixture.digest(fixture.data_files()) == DATA
    assert fixture.digest(fixture.row_files()) == ROWS
    assert sum(path.stat().st_size for path in (*fixture.data_files(), *fixture.row_files())) < BYTES_MAX


def test_there_is_something_of_everything(log: tuple[Kept, ...]) -> None:
    """A fixture that lacks a kind of event would say nothing of it."""
    assert [kept.seq for kept in log] == list(range(1, len(log) + 1))
    assert {kept.recorded().envelope.type for kept in log if kept.void is None} >= FIRST_TYPES
    assert {kept.void for kept in log} == {None, *VOIDS}
    assert {payload_of(kept)["outcome"] for kept in with_type(log, "run.ended")} == OUTCOMES
    assert {payload_of(kept)["kind"] for kept in with_type(log, "incident.raised")} >= INCIDENTS
    calls = {payload_of(kept)["snapshot"]["outcome"] for kept in with_type(log, "task.call_finished")}
    assert calls >= {"answered", "declined", "no_code", "timeout"}
    submitted = [payload_of(kept) for kept in with_type(log, "run.submitted")]
    assert any(one["base_commit"] for one in submitted)
    assert any(task["name"] == "review" for one in submitted for task in one["plan"])
    assert {kind: len(expected(kind)["parked"]) for kind in CONSUMERS} == PARKED
    assert checks.unread(log) == [kept.seq for kept in log if not kept.void and kept.recorded().envelope.version == 9]


@pytest.mark.parametrize("name", CONSUMERS)
def test_the_log_gives_the_same_rows(name: str, whole: Mapping[str, Folded]) -> None:
    assert fixture.differences(expected(name), whole[name].rows) == []
    assert whole[name].on_the_way == expected(f"{name}.on-the-way")


def test_reactions_ask_for_the_same_commands(log: tuple[Kept, ...]) -> None:
    """What was sent once has the same id, or it would be done twice after a restart on this release.

    The manager no longer starts a call by itself: a worker asks for a permit.
    """
    assert set(REACTORS) == set(CONSUMERS)
    lines = [json.loads(line) for line in fixture.COMMANDS.read_text().splitlines()]
    kept = [[*line[:3], MAY_NOW_CAUSE.get(line[3], line[3])] for line in lines if line[3] != "task.call_started"]
    assert all_asked(events(log)) == kept
    assert len(lines) - len(kept) == len(with_type(log, "task.assigned")), "control: one for each assignment"
    types = {kept.seq: kept.recorded().envelope.type for kept in log if kept.void is None}
    known = checks.causes(log)
    led = [(asked, later) for asked in map(Asked._make, lines) for later in known.get(asked.command, [])]
    assert len({asked.command for asked, _ in led}) > 0.9 * len({line[2] for line in lines}), "control: they were sent"
    assert {types[later] for asked, later in led if types[later] not in asked.leads_to.split()} == {"refusal.refused"}
    assert [asked for asked, later in led if asked.by in CONSUMERS and later <= asked.seq] == []


def test_every_id_of_the_staff_follows_from_its_cause(log: tuple[Kept, ...]) -> None:
    rules = json.loads(fixture.HANDLERS.read_bytes())
    by_hand = {kept.seq for kept in log if kept.void is not None} | set(checks.unread(log))
    honest = [kept for kept in log if kept.seq not in by_hand]
    assert checks.ids(honest, rules) == []
    for rule in rules:
        if rule["path"] == ["manager.assign/#"]:
            fewer = [other for other in rules if other != rule]
            assert any("(task.assigned)" in line for line in checks.ids(honest, fewer)), "control"


def test_bytes_and_marks_are_the_same(log: tuple[Kept, ...]) -> None:
    assert checks.commitments(log) == []
    assert checks.encodings(log) == []
    assert checks.voids(log) == []
    assert checks.named_blobs(log, fixture.kept_blobs()) == []


def test_old_statements_are_believed(log: tuple[Kept, ...], tmp_path: Path) -> None:
    key = signing.load_public(signing.public_file(fixture.HOME / "keys"))
    deliveries = fixture.deliveries()
    assert checks.statements(log, fixture.kept_blobs(), key) == []
    assert len(deliveries) == len(with_type(log, "run.delivered")) > 6
    assert checks.delivered(log, deliveries, key) == []
    assert checks.commits(log, deliveries, tmp_path) == []


def test_the_home_is_still_that_organisation_s(log: tuple[Kept, ...], tmp_path: Path) -> None:
    """Keys give the principals of the log, employees' files the ids of those who were hired."""
    home = Path(shutil.copytree(fixture.HOME, tmp_path / "home"))
    for path in (home / "keys").iterdir():
        path.chmod(0o600)
    said = {(one.role, one.principal) for one in (kept.recorded().envelope for kept in log if kept.void is None)}
    assert {(role, keys.load(home / "keys", role).id) for role, _ in said} == said
    public = signing.load(home / "keys" / signing.VERIFIER).public_key()
    assert public == signing.load_public(signing.public_file(home / "keys"))
    hired = {
        payload_of(kept)["employee"]: payload_of(kept)["profile"]["name"] for kept in with_type(log, "employee.hired")
    }
    postings = load_all(home / "employees")
    assert len(postings) > 3
    assert all(hired[str(posting.id)] == posting.name for posting in postings)


def altered(log: tuple[Kept, ...], kept: Kept, change: Callable[[dict[str, Any]], None]) -> tuple[Kept, ...]:
    """Return the log with another payload in one event."""
    payload = payload_of(kept)
    change(payload)
    other = kept._replace(payload=json.dumps(payload, separators=(",", ":")).encode())
    return tuple(other if one is kept else one for one in log)


def _put(**changes: object) -> Callable[[dict[str, Any]], None]:
    return lambda payload: payload.update(changes)


def _judged(**changes: object) -> Callable[[dict[str, Any]], None]:
    return lambda payload: payload["judgement"].update(changes)


@pytest.mark.parametrize(
    ("event_type", "change", "consumer", "tables"),
    [
        ("run.ended", _put(reason="another one"), "manager", "run"),
        (
            "task.call_finished",
            _put(charged={"usd": "7", "tokens": 7}),
            "accountant",
            "account charge routing_evidence routing_total scored_attempt",
        ),
        ("task.rejected", _judged(findings=[]), "auditor", "attempt"),
        ("task.verified", _judged(wall_s=77.0), "accountant", "account"),
        ("employee.suspended", _put(reason="no reason"), "hr", "strike"),
    ],
)
def test_control_one_altered_event_gives_other_rows(
    log: tuple[Kept, ...], event_type: str, change: Callable[[dict[str, Any]], None], consumer: str, tables: str
) -> None:
    kept = with_type(log, event_type)[0]
    other = altered(log, kept, change)
    told = folded(consumer, events(other))
    assert {line.partition(":")[0] for line in fixture.differences(expected(consumer), told.rows)} == {*tables.split()}
    assert told.on_the_way != expected(f"{consumer}.on-the-way")
    assert checks.commitments(other) == [f"event {kept.seq}: another payload"]


def test_control_rows_that_are_gone_in_the_end_are_compared_on_the_way(log: tuple[Kept, ...]) -> None:
    other = altered(log, with_type(log, "task.submitted")[0], _put(tree="0" * 64))
    told = folded("verifier", events(other))
    assert fixture.differences(expected("verifier"), told.rows) == []
    assert told.on_the_way != expected("verifier.on-the-way")


def test_control_another_command_is_seen(log: tuple[Kept, ...], whole: Mapping[str, Folded]) -> None:
    """A verdict that accuses nobody leads to no incident, and an event with another id to other commands."""
    guilty = next(kept for kept in with_type(log, "task.rejected") if b"outside_scope" in (kept.payload or b""))
    told = folded("auditor", events(altered(log, guilty, _judged(findings=[]))))
    gone = {asked.seq for asked in set(whole["auditor"].asked) ^ set(told.asked)}
    assert gone == {guilty.seq}
    planned = with_type(log, "run.planned")[0]
    renamed = json.loads(planned.envelope) | {"id": "00000000-0000-0000-0000-000000000001"}
    other = tuple(one._replace(envelope=json.dumps(renamed).encode()) if one is planned else one for one in log)
    told = folded("manager", events(other))
    assert {asked.seq for asked in set(whole["manager"].asked) ^ set(told.asked)} == {planned.seq}
    assert f"event {planned.seq}: its id does not follow from its command" in checks.ids(other, [])


def test_control_what_is_altered_is_named(log: tuple[Kept, ...]) -> None:
    first = with_type(log, "run.planned")[0]
    salted = tuple(one._replace(salt=bytes(32)) if one is first else one for one in log)
    assert checks.commitments(salted) == [f"event {first.seq}: another payload"]
    spaced = tuple(one._replace(payload=b" " + (one.payload or b"")) if one is first else one for one in log)
    assert checks.encodings(spaced) == [f"event {first.seq}: other bytes"]
    pardoned = tuple(one._replace(void=None) for one in log)
    assert len(checks.voids(pardoned)) == sum(one.void is not None for one in log) >= len(VOIDS)
    key = signing.load_public(signing.public_file(fixture.HOME / "keys"))
    verdict = with_type(log, "run.verified")[0]
    other = altered(log, verdict, _judged(tree="0" * 64))
    assert checks.statements(other, fixture.kept_blobs(), key) == [f"event {verdict.seq}: another verdict was signed"]
    digest = payload_of(verdict)["judgement"]["attestation"]
    signed = fixture.kept_blobs()[digest]
    forged = {**fixture.kept_blobs(), digest: signed.replace(b'"payload":"ey', b'"payload":"eY')}
    assert checks.statements(log, forged, key) == [f"event {verdict.seq}: signature"]
    assert checks.named_blobs(log, forged) == [f"blob {digest}"]
    run, files = next(iter(fixture.deliveries().items()))
    path = next(path for path in sorted(files) if path.endswith(".py") and "/" not in path)
    changed = {**fixture.deliveries(), run: {**files, path: files[path] + b"\n"}}
    assert checks.delivered(log, changed, key) == [f"{run}: {path} was altered"]
