"""Health and metrics of a process, read over loopback while real servers stop and return and during a run."""

import asyncio
import json
import shutil
import subprocess
from http import HTTPStatus
from io import StringIO
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest

from agents.employees.posting import Posting
from bus.embedded.process import ProcessId
from bus.embedded.servers import Server
from bus.logger import open_logger
from bus.redaction import Redactor
from domain import organisation
from observability.health import LAG_EVENTS_MAX, STALLED_S, Health
from observability.process_registry import at_work, post, present, withdraw
from tests.integration.house import House, Sample, at
from tests.integration.peephole import WAIT_S, Numbers, peephole, total

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats]

PROMTOOL = shutil.which("promtool")


@pytest.mark.needs_sandbox
async def test_counters_move_with_a_run_and_gauges_show_what_is_open(house: House) -> None:
    sample = Sample()
    await house.hire("anna", {"T1": [sample.wrong("T1"), sample.right("T1")]})
    async with house.running(metrics_port=0, name="organisation") as running:
        process = peephole(running)
        assert (await process.get("/livez"))[0] == HTTPStatus.OK
        await process.until(HTTPStatus.OK)
        await process.caught_up()
        before = await process.numbers()
        assert before["aura_events_appended_total", (("aggregate", "run"), ("type", "run.delivered"))] == 0
        assert total(before, "aura_approval_wait_seconds") == 0
        assert total(before, "aura_llm_requests_total") == 0
        assert total(before, "aura_halt_state") == 0
        run = await house.submit(sample)
        await house.until_type(run, "run.delivered")
        await process.caught_up()
        delivered = await process.numbers_with("aura_approval_wait_seconds")
        _told(delivered, len(await house.log()))
        assert total(delivered, "aura_events_appended_total", aggregate="run", type="run.delivered") == 1
        assert total(delivered, "aura_approvals_pending") == 1
        assert 0 < total(delivered, "aura_approval_wait_seconds") < WAIT_S
        assert total(delivered, "aura_budget_reserved_usd") > 0
        assert 0.9 < total(delivered, "aura_budget_remaining_ratio") < 1
        await house.director.handle(organisation.Halt(id=uuid4(), at=at(), reason="fire drill"))
        await process.caught_up()
        assert total(await process.numbers(), "aura_halt_state") == 2
        assert not [labels for _, labels in delivered if any(_is_id(value) for _, value in labels)]
        assert [one.name for one in at_work(house.home)] == ["organisation"]
    assert at_work(house.home) == []
    with pytest.raises(OSError, match="Connect"):
        await process.get("/livez")


def _told(numbers: Numbers, last: int) -> None:
    """Check that one wrong and one right answer were called, judged and paid, and that every reader is at the end."""
    assert total(numbers, "aura_llm_requests_total", outcome="answered", provider="scripted") == 2
    assert total(numbers, "aura_llm_request_duration_seconds_count") == 2
    assert total(numbers, "aura_task_schedule_to_start_seconds_count") == 2
    assert total(numbers, "aura_llm_tokens_total", kind="output") > 0
    assert total(numbers, "aura_verdicts_total", entity="task", outcome="verified", reason="none") == 1
    assert total(numbers, "aura_verdicts_total", entity="task", outcome="rejected") == 1
    assert total(numbers, "aura_verdicts_total", entity="run", outcome="verified") == 1
    assert total(numbers, "aura_task_duration_seconds_count", outcome="rejected") == 1
    assert total(numbers, "aura_tasks", state="verified") == 1
    assert total(numbers, "aura_tasks") == 1
    assert total(numbers, "aura_recorder_position_events") == last
    assert total(numbers, "aura_events_appended_total") <= last
    for consumer in ("manager", "verifier", "auditor", "accountant", "hr"):
        assert total(numbers, "aura_projection_position_events", consumer=consumer) == last
        assert total(numbers, "aura_projection_lag_events", consumer=consumer) == 0
        assert numbers["aura_projection_parked_events", (("consumer", consumer),)] == 0
        assert total(numbers, "aura_events_applied_total", consumer=consumer, type="task.call_finished") == 2
        assert total(numbers, "aura_projection_apply_seconds_count", consumer=consumer) > 0
    assert total(numbers, "aura_ready") == 1


async def test_a_restart_begins_the_series_of_whom_it_finds_hired(house: House) -> None:
    await house.post(Posting(name="remote", kind="openai", model="m", base_url="http://127.0.0.1:1/v1", price="zero"))
    async with house.running(["recorder", "auditor", "hr"], metrics_port=0) as running:
        await peephole(running).caught_up()
    async with house.running(["recorder", "auditor", "hr"], metrics_port=0) as running:
        await peephole(running).caught_up()
        numbers = await peephole(running).numbers()
        of = {"provider": "openai", "model": "m", "outcome": "connection"}
        assert numbers["aura_llm_requests_total", tuple(sorted(of.items()))] == 0
        assert 0 < total(numbers, "aura_stream_bytes") < total(numbers, "aura_stream_bytes_max")
        assert total(numbers, "aura_disk_free_bytes", place="home") > 0


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.needs_sandbox
async def test_gauges_outlive_a_restart_and_counters_begin_anew(house: House) -> None:
    sample = Sample()
    await house.hire("anna", {"T1": [sample.right("T1")]})
    async with house.running(metrics_port=0) as running:
        await peephole(running).until(HTTPStatus.OK)
        run = await house.submit(sample)
        await house.until_type(run, "run.delivered")
        await peephole(running).caught_up()
        before = await peephole(running).numbers_with("aura_approval_wait_seconds")
    async with house.running(metrics_port=0) as running:
        await peephole(running).until(HTTPStatus.OK)
        await peephole(running).caught_up()
        after = await peephole(running).numbers_with("aura_approval_wait_seconds")
    assert total(after, "aura_approval_wait_seconds") > total(before, "aura_approval_wait_seconds") > 0
    for gauge in ("aura_approvals_pending", "aura_runs_open", "aura_tasks", "aura_budget_remaining_ratio"):
        assert total(after, gauge) == total(before, gauge) > 0, gauge
    assert total(before, "aura_verdicts_total") == 2
    assert total(after, "aura_verdicts_total") == 0


def _is_id(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True


async def test_not_ready_while_postgres_is_away(house: House, postgres: Server) -> None:
    said = StringIO()
    async with house.running(metrics_port=0, log=open_logger("json", said, Redactor())) as running:
        process = peephole(running)
        assert (await process.until(HTTPStatus.OK)).dependencies["postgres"].ok
        postgres.stop()
        try:
            away = await process.until(HTTPStatus.SERVICE_UNAVAILABLE)
            assert (away.dependencies["nats"].ok, away.dependencies["postgres"].ok) == (True, False)
            assert (await process.get("/livez"))[0] == HTTPStatus.OK
            numbers = await process.numbers()
            assert total(numbers, "aura_dependency_up", dependency="postgres") == 0
            assert total(numbers, "aura_ready") == 0
        finally:
            await postgres.restart()  # in this thread: a server ends with the one that started it
        assert (await process.until(HTTPStatus.OK)).ready
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    told = [line["event"] for line in lines if line.get("server") == "postgres"]
    assert told == ["unavailable", "available_again"], "however often it was asked"


async def test_not_ready_while_nats_is_away(house: House, nats: Server) -> None:
    async with house.running(["recorder", "employees"], metrics_port=0) as running:
        process = peephole(running)
        await process.until(HTTPStatus.OK)
        nats.stop()
        away = await process.until(HTTPStatus.SERVICE_UNAVAILABLE)
        assert (away.dependencies["nats"].ok, away.dependencies["postgres"].ok) == (False, True)
        assert away.readers["recorder"].lag is None
        await nats.restart()
        assert (await process.until(HTTPStatus.OK)).ready


async def test_a_worker_alone_needs_nats_alone(house: House, nats: Server) -> None:
    async with house.running(["employees"], metrics_port=0) as running:
        process = peephole(running)
        assert list((await process.until(HTTPStatus.OK)).dependencies) == ["nats"]
        nats.stop()
        assert not (await process.until(HTTPStatus.SERVICE_UNAVAILABLE)).dependencies["nats"].ok
        await nats.restart()
        await process.until(HTTPStatus.OK)


async def test_a_reader_that_is_stalled_or_far_behind_is_not_ready() -> None:
    last, place, now = 5, 5, 100.0
    health = Health(("auditor",), lambda: {"auditor": place}, clock=lambda: now)

    async def end() -> int:
        return last

    health.last = end
    assert (await health.check()).ready
    last = 6
    assert (await health.check()).ready, "it may be at work on it"
    now += STALLED_S + 1
    assert not (await health.check()).ready, "it has not moved"
    place = 6
    assert (await health.check()).ready
    last = place + LAG_EVENTS_MAX + 1
    found = await health.check()
    assert not found.ready
    assert "behind" in str(found.readers["auditor"].problem)


def test_who_has_died_is_not_at_work(tmp_path: Path) -> None:
    here = present("hr", ["hr"], None)
    post(tmp_path, here)
    post(tmp_path, msgspec.structs.replace(here, name="manager", process=ProcessId(here.process.pid, "earlier")))
    (tmp_path / "run" / "other.json").write_text("{}")
    assert [one.name for one in at_work(tmp_path)] == ["hr"]
    withdraw(tmp_path, msgspec.structs.replace(here, process=ProcessId(here.process.pid, "earlier")))
    assert [one.name for one in at_work(tmp_path)] == ["hr"], "it is another process's by now"
    withdraw(tmp_path, here)
    assert at_work(tmp_path) == []


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not on PATH")
async def test_promtool_finds_nothing_to_say(house: House) -> None:
    async with house.running(metrics_port=0) as running:
        process = peephole(running)
        await process.until(HTTPStatus.OK)
        _, text = await process.get("/metrics")
    control = "# HELP aura_wait_ms x\n# TYPE aura_wait_ms counter\naura_wait_ms 1\n"
    said, complained = await _promtool(text), await _promtool(control)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")
    assert complained.returncode != 0


async def _promtool(page: str) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL is not None
    command = [PROMTOOL, "check", "metrics"]
    return await asyncio.to_thread(
        subprocess.run, command, input=page, text=True, capture_output=True, check=False, timeout=WAIT_S
    )
