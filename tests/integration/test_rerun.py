"""A run of real models and real sessions is played from its record, with real verdicts and real boxes."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from agents.employees import prompts
from agents.employees.posting import Posting
from agents.rerun.player import Player
from agents.rerun.report import Rerun
from agents.rerun.sessions import SessionPlaces, SessionPlayer
from agents.run_content import Library
from agents.verifier.judging import Judging
from bus.unstored_blobs import UnstoredBlobs
from director.services.attempt import attempt_of
from tests.integration.house import House, Sample, as_share, of
from tests.integration.test_agent_sessions import WORKS, posting
from tests.integration.test_sessions import hire
from tests.loopback import Seen, honest, loopback
from tests.provider_double import provider
from tests.providers import answering
from tests.turns import turn
from tests.unit.recorded_runs import fenced
from verification.sandbox.choice import Boxes, open_sandbox

pytestmark = [
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.needs_sandbox,
    pytest.mark.slow,
    pytest.mark.ci,
]


async def rerun(house: House, run: UUID, folder: Path) -> Rerun:
    """Play a run as the service does, with the verdicts of this file's runs."""
    store = house.office.store
    blobs, box = UnstoredBlobs(store), open_sandbox(Boxes())
    try:
        places = SessionPlaces(folder / "copies", house.home / "libraries", house.home / "outcomes")
        judging = Judging(box, blobs, Library(blobs), refused, judge=as_share, allow_degraded=True)
        sessions = SessionPlayer(blobs, box, places)
        return await Player(run, await house.log(), blobs, judging, folder / "deliveries", play_session=sessions).play()
    finally:
        await box.close()


async def refused(command: Any) -> None:
    raise AssertionError(f"a rerun sends nothing: {command}")


async def test_a_session_is_played_with_real_commands(house: House, tmp_path: Path) -> None:
    sample = Sample(1)
    turns = [
        turn("run", command="ls -A"),
        turn("run", command="date +%s%N"),
        turn("write", path="adder_t1.py", content=sample.wrong("T1")["adder_t1.py"]),
        turn("check"),
        turn("write", path="adder_t1.py", content=sample.right("T1")["adder_t1.py"]),
        turn("run", command="python -c 'import adder_t1; print(adder_t1.add(1))'"),
        turn("submit"),
    ]
    await hire(house, {"T1": turns})
    async with house.running():
        run = await house.submit(sample)
        log = await house.until_type(run, "run.delivered")
    last, bytes_before = (await house.office.stream.info()).last_seq, await stored(house)
    played = await rerun(house, run, tmp_path)
    assert (await house.office.stream.info()).last_seq == last, "the log is as it was"
    assert await stored(house) == bytes_before, "and no blob was stored"
    assert (played.same, played.calls, played.verdicts, played.from_record) == (True, len(turns), 2, ())
    assert len(of(log, run, "task.call_finished")) == len(turns)
    first, *others = played.prompts
    assert (first.call.index, first.role, first.repeats) == (2, "tool", False), "the output of date differs"
    assert first.recorded != first.today
    assert [(each.call.index, each.repeats) for each in others] == [(index, True) for index in range(3, len(turns))]


async def test_answers_of_a_server_are_played_without_it(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = Sample(1)
    replies, last = iter([honest(fenced(sample.wrong("T1")))]), honest(fenced(sample.right("T1")))

    async def first_wrong(writer: asyncio.StreamWriter, seen: Seen) -> None:
        await next(replies, last)(writer, seen)

    async with loopback(first_wrong) as server:
        await house.post(Posting(name="ada", kind="openai", model="m", base_url=server.base_url, price="zero"))
        async with house.running():
            run = await house.submit(sample)
            await house.until_type(run, "task.rejected")
            await house.until_type(run, "run.delivered")
    played = await rerun(house, run, tmp_path / "same")
    assert (played.same, played.prompts, played.work, played.stopped) == (True, (), (), None)
    assert played.calls >= 2
    monkeypatch.setattr(prompts, "SYSTEM", "You write tests.")
    changed = await rerun(house, run, tmp_path / "changed")
    assert changed.same, "the recorded answers are the same"
    assert len(changed.prompts) == played.calls, "control: each prompt differs now"


async def stored(house: House) -> int:
    """Return the number of stored blobs."""
    async with house.office.store.connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM log.blob"))


async def test_the_work_of_a_coding_agent_is_taken_from_the_record_and_judged_again(
    house: House, tmp_path: Path
) -> None:
    sample = Sample(1)
    (right,) = sample.right("T1").values()
    async with provider(answering(right)) as double:
        await house.post(posting(house, double, WORKS))
        async with house.running():
            run = await house.submit(sample)
            await house.until_type(run, "run.delivered")
        asked = len(double.seen)
        story = await attempt_of(house.office.store, house.blobs, run, 1)
        played = await rerun(house, run, tmp_path)
        assert len(double.seen) == asked, "no request was made"
    assert [(call.index, call.thought) for call in story.calls] == [(0, right), (1, right)]
    assert [(order.form, order.end, order.dropped) for order in story.orders] == [
        ("session", "handed in", ("notes.txt",))
    ]
    assert (played.same, played.calls, played.verdicts) == (True, 0, 2)
    (taken,) = played.from_record
    assert "coding agent" in taken.reason
