"""A halt stops everything that works, each component says so, and after the resume the work goes on."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from agents.employees.contract import Order
from agents.employees.providers.scripted import ScriptedEmployee
from director.services import halt_receipt, law
from director.services.session import DirectorSession
from director.services.waiting import Waits
from director.settings import Settings
from domain.errors import NotFound
from governance import keys
from tests.integration.house import House, Sample, as_share, of
from tests.integration.test_sessions import hire
from tests.turns import turn
from verification.judge import Candidate
from verification.verdict.model import Verdict

pytestmark = [
    pytest.mark.slow,
    pytest.mark.ci,
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.needs_sandbox,
]
RUNS = 4
HALTS = 10
P95_MS_MAX = 2000


class Works:
    """Counts the calls and verdicts that are at work. They wait until `free` is set."""

    def __init__(self) -> None:
        self.calls = 0
        self.verdicts = 0
        self.free = asyncio.Event()
        self.judging = asyncio.Event()  # verdicts wait only while it is not set

    async def judge(self, candidate: Candidate, **named: Any) -> Verdict:
        self.verdicts += 1
        try:
            await self.judging.wait()
        finally:
            self.verdicts -= 1
        return await as_share(candidate, **named)


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> Works:
    found = Works()
    work = ScriptedEmployee.work

    async def slow(self: ScriptedEmployee, order: Order) -> object:
        found.calls += 1
        try:
            await found.free.wait()
        finally:
            found.calls -= 1
        return await work(self, order)

    monkeypatch.setattr(ScriptedEmployee, "work", slow)
    return found


@pytest.fixture
async def opened(house: House, works: Works, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DirectorSession]:
    for name, value in (("HOME", str(house.home)), ("NATS_URL", house.nats_url), ("POSTGRES_DSN", house.postgres_dsn)):
        monkeypatch.setenv(f"AURA_{name}", value)
    settings = Settings()
    async with house.running(judge=works.judge):
        yield DirectorSession(settings, house.office, keys.load(settings.keys, "director"))


async def until(there: Callable[[], object], house: House, works: Works) -> None:
    """Wait until a count is reached. Raises AssertionError with the end of the log."""
    for _ in range(6000):
        if there():
            return
        await asyncio.sleep(0.02)
    log = [f"{event.seq} {event.envelope.type} {event.void or ''}" for event in (await house.log())[-40:]]
    waits = [each.waiting.message for each in await Waits(house.office.store, Settings()).all()]
    log += waits
    raise AssertionError(f"{works.calls} calls and {works.verdicts} verdicts at work:\n" + "\n".join(log))


async def test_nothing_works_after_a_halt_and_each_component_says_so(
    house: House, opened: DirectorSession, works: Works, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NotFound, match="never halted"):
        await halt_receipt.last_halt(opened.store)
    samples = [Sample(1) for _ in range(RUNS)]
    answers = [sample.right("T1") for sample in samples]
    for number, sample in enumerate(samples):
        await house.hire(f"ada{number}", {"T1": [sample.right("T1"), *answers]})
    judged = await house.submit(samples[0])  # its work waits for a verdict
    await until(lambda: works.calls == 1, house, works)
    works.free.set()
    await until(lambda: works.verdicts == 1, house, works)
    works.free.clear()
    for sample in samples[1:]:
        await house.submit(sample)
    await until(lambda: works.calls == RUNS - 1, house, works)

    times: list[int] = []
    for number in range(HALTS):
        receipt = await halt_receipt.receipt_of(opened.store, await law.halt(opened, f"halt {number}"))
        assert receipt.complete, halt_receipt.silent(receipt)
        assert receipt.halted
        assert (works.calls, works.verdicts) == (0, 0), "nothing works when the receipt is complete"
        by_name = {each.component: each for each in receipt.components}
        assert {"manager", "verifier", "auditor", "accountant", "hr", "worker ada0"} <= by_name.keys()
        assert sum(each.calls for each in receipt.components) == RUNS - 1
        assert receipt.open_calls == RUNS - 1
        assert receipt.in_flight.tokens > 0
        assert len(by_name["verifier"].boxes) == 1
        times += [each.after_ms for each in receipt.components if each.after_ms is not None]
        log = await house.until(
            lambda log, n=number: len([e for e in log if e.envelope.type == "task.released"]) >= (n + 1) * (RUNS - 1)  # type: ignore[misc]  # early binding
        )
        later = [event.envelope.type for event in log if event.seq > receipt.seq]
        assert set(later) <= {"organisation.halt_acknowledged", "task.released"}, later
        await law.resume(opened, "go on")
        await until(lambda: (works.calls, works.verdicts) == (RUNS - 1, 1), house, works)
    times.sort()
    with capsys.disabled():
        print(f"\nreceipts of {HALTS} halts: p50 {times[len(times) // 2]} ms, p95 {times[len(times) * 95 // 100]} ms")
    assert times[len(times) * 95 // 100] < P95_MS_MAX
    works.free.set()
    works.judging.set()
    log = await house.until(lambda log: len([event for event in log if event.envelope.type == "run.delivered"]) == RUNS)
    assert len(of(log, judged, "task.verified")) == 1, "the verdict that a halt ended was given once"


def descendants(pid: int) -> set[int]:
    """Return the processes below a process that still run."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError, IndexError):
            state, parent = (entry / "stat").read_text().rpartition(") ")[2].split()[:2]
            if state != "Z":
                parents.setdefault(int(parent), []).append(int(entry.name))
    found, waiting = set[int](), [pid]
    while waiting:
        for child in parents.get(waiting.pop(), []):
            found.add(child)
            waiting.append(child)
    return found


async def test_the_box_of_a_session_ends_with_the_halt(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("HOME", str(house.home)), ("NATS_URL", house.nats_url), ("POSTGRES_DSN", house.postgres_dsn)):
        monkeypatch.setenv(f"AURA_{name}", value)
    sample = Sample(1)
    write = turn("write", path="adder_t1.py", content=sample.right("T1")["adder_t1.py"])
    long = [turn("run", command="sleep 600"), write, turn("submit")]
    await hire(house, {"T1": long})
    before = descendants(os.getpid())
    async with house.running():
        opened = DirectorSession(Settings(), house.office, keys.load(house.home / "keys", "director"))
        run = await house.submit(sample)
        await house.until_type(run, "task.call_finished")
        sleeping = [pid for pid in descendants(os.getpid()) - before if b"sleep" in command_of(pid)]
        while not sleeping:  # the command of the session begins after the receipt
            await asyncio.sleep(0.05)
            sleeping = [pid for pid in descendants(os.getpid()) - before if b"sleep" in command_of(pid)]
        receipt = await halt_receipt.receipt_of(opened.store, await law.halt(opened, "stop"))
        (worker,) = [each for each in receipt.components if each.component == "worker ada"]
        assert receipt.complete, halt_receipt.silent(receipt)
        assert [name.partition(" ")[0] for name in worker.boxes] == ["session"]
        assert not [pid for pid in descendants(os.getpid()) if b"sleep" in command_of(pid)], "nothing runs any more"
        log = await house.until_type(run, "task.released")
        assert not of(log, run, "task.submitted")


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
