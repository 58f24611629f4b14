"""Canaries in every place that nobody may read: none reaches a prompt, event, log line, error, box or delivery."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.cli import homely
from tests.attacks.canary_story import ENVIRONMENT, FIXTURE, SEALED, TRACKED, TRANSCRIPT, Story, keys_of_home
from tests.attacks.session_scanner import scanner
from tests.attacks.stored_bytes import found_below, found_in
from tests.attacks.stored_record import Record
from tests.unit.repositories import needs_git
from tests.unit.source_repositories import CANARIES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.ci,
    pytest.mark.needs_sandbox,
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.timeout(400),  # all processes, and two sessions
    needs_git,
]


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    with homely("up", "--no-model", "--processes", **ENVIRONMENT) as aura:
        yield Story(aura)


def test_each_canary_is_found_where_it_was_planted(story: Story) -> None:
    """The control of all tests below: the same searches find each canary at its origin."""
    assert story.phases == {"delivered"}
    home, folder = story.aura.home, story.aura.folder
    by_search = found_below(folder, CANARIES, without=[home])
    assert {place for places in by_search.values() for place in places} == {*CANARIES}
    (process,) = [each["pid"] for each in story.aura.status()["processes"] if each["name"] == "employees"]
    assert found_in(Path(f"/proc/{process}/environ").read_bytes(), ENVIRONMENT) == {*ENVIRONMENT}
    at_home = found_below(home, story.hidden, without=[home / "data", home / "working-copies"])
    assert {place for places in at_home.values() for place in places} >= {"toolbox", *keys_of_home(home)}
    assert sum(name.startswith("key ") for name in story.hidden) >= 7
    assert sum(name.startswith("password ") for name in story.hidden) >= 2
    done = subprocess.run(
        [sys.executable, "-"],
        input=scanner({**CANARIES, **ENVIRONMENT}, str(folder)),
        cwd=story.site,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=True,
    )
    by_scanner = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("FOUND ")}
    assert by_scanner >= {*CANARIES, *ENVIRONMENT}
    assert found_in(b"x" + "".join(CANARIES.values()).encode()[::-1], CANARIES) == {*CANARIES}, "reversed, too"


def test_the_box_has_the_tracked_canary_and_no_other(story: Story) -> None:
    told = [text.decode() for text in story.record.calls_of("bob").values() if b'"role":"tool"' in text]
    outputs = [json.loads(text)["text"] for text in told if "LOOKED AT" in text]
    assert len(outputs) == 2, "of both runs"
    for output in outputs:
        found = {line.split()[1] for line in output.splitlines() if line.startswith("FOUND ")}
        assert found == {"tracked"}
        (count,) = re.findall(r"LOOKED AT (\d+) files", output)
        assert int(count) > 500


def test_no_event_has_a_canary(story: Story) -> None:
    for seq, event in story.record.events.items():
        assert not found_in(event, story.forbidden), seq
    assert story.record.of_type("run.delivered"), "control: the events are all there"


def test_no_blob_has_a_hidden_canary(story: Story) -> None:
    for digest, blob in story.record.blobs.items():
        assert not found_in(blob, story.hidden), digest
    tracked = [digest for digest, blob in story.record.blobs.items() if found_in(blob, {"tracked": TRACKED})]
    assert tracked, "control: the base's files are found"


def test_only_sealed_files_and_verdicts_have_what_is_sealed(story: Story) -> None:
    secret = {"sealed": SEALED, "sealed suite": FIXTURE}
    having = {digest for digest, blob in story.record.blobs.items() if found_in(blob, secret)}
    submitted, _ = story.record.of_type("run.submitted")
    assert {submitted["sealed"], submitted["fixtures"]} <= having, "control"
    assert not having & (story.record.calls_of("ada").keys() | story.record.calls_of("bob").keys())
    assert having <= {submitted["sealed"], submitted["fixtures"], *evidence_of(story.record)}


def evidence_of(record: Record) -> set[str]:
    """Return the digests of the verdicts. Only the Director reads them."""
    kinds = ("task.verified", "task.rejected", "run.verified", "run.rejected")
    return {each["judgement"]["evidence"] for kind in kinds for each in record.of_type(kind)}


def test_the_transcript_of_another_attempt_stays_in_it(story: Story) -> None:
    of_first, of_second = story.record.calls_of("ada"), story.record.calls_of("bob")
    kept = {place for blob in of_first.values() for place in found_in(blob, TRANSCRIPT)}
    assert kept == {*TRANSCRIPT}, "control: the record of the first attempt has them"
    for digest in of_second:
        assert not found_in(of_second[digest], TRANSCRIPT), digest


def test_no_line_of_a_log_or_screen_has_a_canary(story: Story) -> None:
    logs = story.aura.home / "run" / "logs"
    assert found_below(logs, story.forbidden) == {}
    assert found_below(logs, {"run": story.run}), "control: the logs are about this run"
    for words in (["status"], ["runs"], ["run", "show", story.run], ["events"], ["employees"]):
        said = story.aura.run(*words)
        assert said.code == 0, said
        assert not found_in(f"{said.out}{said.err}".encode(), story.hidden), words


def test_no_delivery_stream_or_cache_has_a_canary(story: Story) -> None:
    for delivered in story.record.of_type("run.delivered"):
        folder = Path(delivered["folder"])
        assert found_below(folder, story.forbidden) == {}
        assert found_below(folder, {"tracked": TRACKED}), "control: its git objects are read"
    home = story.aura.home
    streams = home / "data" / "nats" / "jetstream"
    assert found_below(streams, story.forbidden) == {}
    assert found_below(home / "working-copies", story.forbidden) == {}
    assert found_below(home / "working-copies", {"tracked": TRACKED}), "control: the packs are read"
