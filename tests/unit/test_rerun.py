"""A run is played from its record: the same deliveries, the prompts that differ, and where it leaves the record."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from agents.employees import prompts
from agents.employees.call_errors import CallFailed
from agents.rerun.player import Player
from agents.rerun.report import Rerun
from director.cli.rerun_text import rerun_text
from director.services.rerun import difference_of
from domain import task
from domain.errors import NotFound
from domain.message import Erased, Recorded
from tests.integration.house import Sample
from tests.unit.recorded_runs import RunOnRecord, WordJudge, fenced, order_id
from tests.unit.samples import RUN

SAMPLE = Sample(1)
WRONG, RIGHT = fenced(SAMPLE.wrong("T1")), fenced(SAMPLE.right("T1"))


async def played(made: RunOnRecord, folder: Path, events: list[Recorded] | None = None, word: str = "") -> Rerun:
    judge = WordJudge(made.blobs, word) if word else made.judge
    return await Player(RUN, made.events if events is None else events, made.blobs, judge, folder).play()


@pytest.fixture
async def made() -> RunOnRecord:
    """Return a run with an answer without code, a wrong answer and a right one, delivered."""
    on_record = RunOnRecord(SAMPLE)
    await on_record.made(["I do not know.", WRONG, RIGHT])
    return on_record


async def test_the_same_deliveries_are_reached_without_a_call(made: RunOnRecord, tmp_path: Path) -> None:
    rerun = await played(made, tmp_path)
    assert (rerun.same, rerun.stopped, rerun.prompts, rerun.work, rerun.verdict_differences) == (True, None, (), (), ())
    assert (rerun.calls, rerun.verdicts, rerun.from_record) == (3, 3, ())
    (delivery,) = rerun.deliveries
    assert delivery.commit is not None
    assert (tmp_path / "delivery-1" / "adder_t1.py").read_text() == next(iter(SAMPLE.right("T1").values()))
    assert difference_of(rerun) is None
    text = rerun_text(rerun)
    assert "3 calls played without a model, 3 verdicts made again" in text
    assert "all compared prompts are the recorded ones" in text
    assert "delivery: the same tree" in text


async def test_faults_of_a_server_are_played_without_a_wait_and_without_a_server(tmp_path: Path) -> None:
    made = RunOnRecord(SAMPLE)
    slow = CallFailed("rate_limit", "Slow down.", retry_after_s=3600.0)
    await made.made([slow, CallFailed("timeout", "It took too long."), RIGHT])
    rerun = await played(made, tmp_path)
    assert (rerun.same, rerun.calls, rerun.prompts, rerun.work, rerun.not_compared) == (True, 3, (), (), 0)


async def test_a_prompt_that_was_cut_on_record_is_not_compared_and_counted(made: RunOnRecord, tmp_path: Path) -> None:
    (cut,) = await made.blobs.put([b'{"model": "m", "messages": [\n[cut here: the rest is not kept]'])
    events = [with_prompt(each, cut) if attempt_of(each) == 3 else each for each in made.events]
    rerun = await played(made, tmp_path, events)
    assert (rerun.same, rerun.prompts, rerun.not_compared) == (True, (), 1)
    assert "1 prompt was cut on record, and cannot be compared" in rerun_text(rerun)


async def test_a_run_without_a_delivery_is_played_to_the_end_of_its_record(tmp_path: Path) -> None:
    made = RunOnRecord(SAMPLE)
    await made.made([WRONG])
    rerun = await played(made, tmp_path)
    assert (rerun.same, rerun.phase, rerun.deliveries) == (True, "planned", ())
    assert "No delivery is on record. At the end of the record the run is planned, today too." in rerun_text(rerun)


async def test_prompts_that_would_differ_today_are_reported_and_deliveries_stay_the_same(
    made: RunOnRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompts, "SYSTEM", prompts.SYSTEM.replace("careful", "patient"))
    rerun = await played(made, tmp_path)
    assert rerun.same
    assert [(each.call.attempt, each.call.index, each.message, each.role) for each in rerun.prompts] == [
        (number, 0, 0, "system") for number in (1, 2, 3)
    ]
    assert "a careful" in (rerun.prompts[0].recorded or "")
    assert "a patient" in (rerun.prompts[0].today or "")
    assert "T1, attempt 1, call 1 (ada): message 1 (system)" in rerun_text(rerun)


async def test_a_verdict_that_falls_differently_ends_the_rerun(made: RunOnRecord, tmp_path: Path) -> None:
    rerun = await played(made, tmp_path, word="nowhere in the code")
    assert not rerun.same
    assert [(each.task, each.attempt) for each in rerun.verdict_differences] == [("T1", 3)]
    assert rerun.stopped is not None
    assert (rerun.stopped.event, rerun.deliveries) == ("run.merged", ())
    error = difference_of(rerun)
    assert error is not None
    assert error.exit_code == 6
    assert f"stopped at event {rerun.stopped.seq} (run.merged)" in rerun_text(rerun)


async def test_another_recorded_answer_gives_another_delivery(made: RunOnRecord, tmp_path: Path) -> None:
    """Control: a right answer with one more line is verified, too, and its tree differs."""
    (path, text), *_ = SAMPLE.right("T1").items()
    (other,) = await made.blobs.put([fenced({path: f"{text}# more\n"}).encode()])
    events = [with_answer(each, other) if attempt_of(each) == 3 else each for each in made.events]
    rerun = await played(made, tmp_path, events)
    assert (rerun.same, rerun.stopped) == (False, None)
    assert [(each.today, each.paths) for each in rerun.work] == [("handed in other content", (path,))]
    (delivery,) = rerun.deliveries
    assert not delivery.same
    assert "delivery: another tree" in rerun_text(rerun)
    assert difference_of(rerun) is not None


async def test_an_answer_that_is_read_differently_is_named(made: RunOnRecord, tmp_path: Path) -> None:
    (other,) = await made.blobs.put([b"Sorry, no code."])
    events = [with_answer(each, other) if attempt_of(each) == 3 else each for each in made.events]
    rerun = await played(made, tmp_path, events)
    assert not rerun.same
    assert [(each.attempt, each.recorded, each.today) for each in rerun.work] == [
        (3, "answered", "no_code"),
        (3, "handed in", "no_code"),
    ]
    assert rerun.stopped is not None
    assert rerun.stopped.event == "task.submitted"


async def test_an_attempt_whose_answer_was_purged_is_taken_from_the_record(made: RunOnRecord, tmp_path: Path) -> None:
    receipt = next(each.event for each in made.events if attempt_of(each) == 3)
    assert isinstance(receipt, task.CallFinished)
    made.blobs.purge(receipt.snapshot.answer or "")
    rerun = await played(made, tmp_path)
    assert (rerun.same, rerun.calls) == (True, 2)
    assert [(each.attempt, each.reason) for each in rerun.from_record] == [(3, "Its content was purged.")]
    assert "taken from the record, not played" in rerun_text(rerun)


async def test_a_run_with_a_purged_event_cannot_be_played(made: RunOnRecord, tmp_path: Path) -> None:
    last = made.events[-1]
    erased = Erased(type=last.envelope.type, entity_kind="run", entity_id=RUN, run=RUN)
    with pytest.raises(NotFound, match="was purged"):
        await played(made, tmp_path, [*made.events[:-1], replace(last, event=erased)])


async def test_void_events_are_left_out(made: RunOnRecord, tmp_path: Path) -> None:
    assigned = next(each for each in made.events if isinstance(each.event, task.Assigned))
    rerun = await played(made, tmp_path, [*made.events, replace(assigned, seq=10**6, void="paused")])
    assert rerun.same


def attempt_of(recorded: Recorded) -> int:
    """Return the number of the attempt of a receipt; 0 for another event. The order of the receipts is known."""
    event = recorded.event
    if not isinstance(event, task.CallFinished):
        return 0
    return next(number for number in (1, 2, 3) if event.order == order_id(number))


def with_answer(recorded: Recorded, digest: str) -> Recorded:
    event = recorded.event
    assert isinstance(event, task.CallFinished)
    return replace(recorded, event=replace(event, snapshot=replace(event.snapshot, answer=digest)))


def with_prompt(recorded: Recorded, digest: str) -> Recorded:
    event = recorded.event
    assert isinstance(event, task.CallFinished)
    return replace(recorded, event=replace(event, snapshot=replace(event.snapshot, prompt=digest)))
