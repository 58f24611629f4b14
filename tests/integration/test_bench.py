"""The measurements work: on real servers, in both orders, with every figure of every compared system."""

import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bench import (
    appending,
    basing,
    folding,
    judging,
    large_replaying,
    report,
    run_peers,
    run_sizes,
    running,
    travelling,
)
from bench.figures import Figures, measure_all
from bench.firm import firm
from bench.setting import setting_of
from verification.sandbox.bubblewrap import Bubblewrap

pytestmark = [pytest.mark.slow, pytest.mark.needs_postgres, pytest.mark.needs_nats]
ROOT = Path(__file__).parents[2]
RATES = {"one writer, events/s", "saturated, events/s"}


async def test_events_are_measured_beside_the_limits() -> None:
    said: list[str] = []
    size = appending.AppendingSize(alone=5, saturated=30)
    async with firm() as here:
        setting = await setting_of(here)
        contestants = await appending.contestants(here, size)
        figures = await measure_all(contestants, 2, said.append, title="(events)")
    assert {appending.OURS, "limit: JetStream publish alone", "limit: COPY alone"} <= set(figures.values)
    for contestant, values in figures.values.items():
        assert set(values) >= RATES, contestant
        assert all(len(rounds) == 2 and min(rounds) > 0 for name, rounds in values.items() if name in RATES)
    order = [line.partition("  ")[2].partition(": one writer")[0] for line in said]
    assert order == [*contestants, *list(contestants)[::-1]]
    assert "sync_interval always" in setting.lines["NATS"]
    assert "fsync on, synchronous_commit on" in setting.lines["PostgreSQL"]
    assert "| limit: COPY alone |" in report.of_appending(figures, size)


async def test_runs_are_measured_with_their_hops() -> None:
    hops = running.Hops()
    async with firm() as here:
        await running.hire(here)
        measured = await running.ours(here, running.RunningSize(alone=2, at_once=4), hops)
    assert measured["events per run"] == run_peers.EVENTS_OF_A_RUN
    assert measured[run_peers.STEP] == pytest.approx(measured[run_peers.TIME] / run_peers.EVENTS_OF_A_RUN)
    assert measured["atomic batches per run"] == 1
    assert [step for step, _, times in hops.medians() if times == 2][-1] == "run.delivery_started → run.delivered"


async def test_events_are_measured_in_small_and_large_runs() -> None:
    async with firm() as here:
        log = folding.decoded(folding.log_of(runs=2, tasks=3))[0]
        measured = await run_sizes.measured(here, log)
    assert {"all folded, µs", "with rows written, µs", "manager", "hr"} <= set(measured)
    assert min(measured.values()) > 0


async def test_verdicts_are_measured_beside_a_plain_process() -> None:
    async with AsyncExitStack() as closing:
        size = judging.JudgingSize(alone=2, saturated=2)
        contestants = judging.contestants(await judging.sandboxes(closing, lambda _: None), size)
        figures = await measure_all(contestants, 1, lambda _: None, title="(verdicts)")
    assert {judging.OURS, judging.POOLED, judging.PLAIN} <= set(figures.values)
    assert all(min(rounds) > 0 for values in figures.values.values() for rounds in values.values())
    assert f"| {judging.PLAIN} |" in report.of_judging(figures, size)


async def test_a_large_log_is_replayed_by_the_real_command() -> None:
    async with firm() as here:
        logs = await large_replaying.made_logs(here, large_replaying.LargeSize(small=300, large=900))
        try:
            figures = await measure_all(large_replaying.contestants(logs), 1, lambda _: None, title="(large replay)")
        finally:
            await logs.close()
    assert large_replaying.OURS in figures.values
    for contestant, values in figures.values.items():
        parts = 1 if contestant == large_replaying.LIMIT else 3
        assert len(values) == 2 * parts, contestant
        assert all(min(rounds) > 0 for rounds in values.values())
    page = report.of_large_replaying(figures, large_replaying.LargeSize(small=300, large=900))
    assert f"| {large_replaying.LIMIT} |" in page


async def test_time_travel_is_measured_on_both_logs() -> None:
    large, size = large_replaying.LargeSize(small=300, large=900), travelling.TravellingSize(positions=5)
    async with firm() as here:
        logs = await large_replaying.made_logs(here, large)
        try:
            figures = await measure_all(await travelling.contestants(logs, size), 1, lambda _: None, title="(travel)")
        finally:
            await logs.close()
    assert set(figures.values) == {travelling.OURS, travelling.LIMIT}
    assert all(len(values) == 4 for values in figures.values.values())
    assert f"| {travelling.OURS} |" in report.of_travelling(figures, large, size)


async def test_a_bases_own_tests_are_measured_beside_the_plain_command(tmp_path: Path) -> None:
    size = basing.BasingSize(files=30, tests=20)
    box = Bubblewrap()
    try:
        held = await box.probe()
        figures = await measure_all(
            basing.contestants(box, held.image, size, tmp_path), 1, lambda _: None, title="(base)"
        )
    finally:
        await box.close()
    assert set(figures.values) == {basing.KEPT, basing.FIRST, basing.WHOLE, basing.PLAIN}
    assert f"| {basing.PLAIN} |" in report.of_basing(figures, size)


def test_ratios_are_taken_within_a_round() -> None:
    figures = Figures(rounds=2)
    for ours, theirs in ((10.0, 5.0), (40.0, 10.0)):
        figures.note("ours", {"events/s": ours})
        figures.note("theirs", {"events/s": theirs})
    assert figures.ratio("ours", "theirs", "events/s") == "3.00 [2.00..4.00]"
    assert figures.shown("ours", "events/s") == "25.0 [10.0..40.0]"


def test_a_section_can_be_measured_alone_and_is_printed() -> None:
    command = [sys.executable, "-m", "bench", "--quick", "--rounds", "1", "--only", "replay"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stderr
    assert [line for line in ended.stdout.splitlines() if line.startswith("## ")] == ["## Replay"]


def test_the_time_per_durable_step_is_the_time_of_a_run_divided_by_its_steps() -> None:
    figures = run_peers.per_step({run_peers.TIME: 26.0, run_peers.RATE: 50.0}, 13)
    assert figures[run_peers.STEP] == 2.0
    assert figures[run_peers.STEP_AT_ONCE] == pytest.approx(1000 / 650)
