"""An organisation with nothing to do: no duty wakes up, and no file is read again. What changes is still noticed."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from agents.employees import postings
from agents.employees.posting import Posting
from agents.manager import deadlines
from agents.manager.deadlines import Deadlines
from agents.manager.reactor import Manager
from agents.workers import pool
from domain.message import Command, Event
from tests.unit.samples import ASSIGNED, PLANNED, SUBMITTED
from tests.unit.test_faults import board
from tests.unit.test_worker_probes import POLL_S, anna, at_work

SHORT_S = 0.02
WAIT_S = 120.0
WATCHES = 4
"""So many looks show that a duty looks again and again."""


class Watched(Deadlines):
    """The duty with a count of its looks, and the commands that it sends."""

    def __init__(self) -> None:
        self.looks = 0
        self.sent: list[Command] = []
        super().__init__(Manager(), self.no_history, self.send)

    async def no_history(self, _scope: Any) -> Sequence[Any]:
        return ()

    async def send(self, command: Command) -> None:
        self.sent.append(command)

    def _due(self, rows: Any, now: int) -> list[Command]:
        self.looks += 1
        return super()._due(rows, now)


async def looks(duty: Watched, *noted: tuple[tuple[Event, ...], bool]) -> list[int]:
    """Give the duty rows, one after the other, and return how often it looked at each of them.

    The second part says whether the duty has to watch these rows: then wait until it has looked again and again.
    """
    stop, found = asyncio.Event(), []
    working = asyncio.create_task(duty.run(stop))
    for events, watched in noted:
        before = duty.looks
        duty.note(board(*events), live=True)
        await asyncio.sleep(15 * SHORT_S)
        async with asyncio.timeout(WAIT_S):
            while watched and duty.looks - before < WATCHES:  # noqa: ASYNC110 - a look tells nobody
                await asyncio.sleep(SHORT_S)
        found.append(duty.looks - before)
    stop.set()
    await working
    return found


async def test_without_an_open_order_no_time_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "TICK_S", SHORT_S)
    duty = Watched()
    late = (*ASSIGNED[:-1], replace(ASSIGNED[-1], due_at=1))
    idle, ordered, idle_again = await looks(duty, ((), False), (late, True), ((), False))
    assert idle <= 2, "it looks once at new rows"
    assert idle_again <= 2
    assert ordered >= WATCHES, "control: with an open order it looks again and again"
    assert duty.sent, "and the order whose lease has ended is released"


async def test_every_phase_with_an_order_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "TICK_S", SHORT_S)
    assert min(await looks(Watched(), (PLANNED, True), (SUBMITTED, True))) >= WATCHES


async def test_a_file_of_an_employee_is_read_again_only_if_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "RESCAN_S", POLL_S)
    monkeypatch.setattr(pool, "SETTLED_S", 0.05)
    reads = 0
    load_all = postings.load_all

    def counted(folder: Path) -> list[Posting]:
        nonlocal reads
        reads += 1
        return load_all(folder)

    monkeypatch.setattr(postings, "load_all", counted)
    file = postings.save(tmp_path, anna(slots=2))
    async with at_work(tmp_path) as staffed:
        await staffed.until(lambda: UUID(int=1) in staffed.asked.answers)
        before = -1
        async with asyncio.timeout(WAIT_S):
            while reads != before:  # until nothing has changed
                before = reads
                await asyncio.sleep(0.2)
        file.write_text(file.read_text().replace('"slots": 2', '"slots": 3'))  # in place, and of the same size
        await staffed.until(lambda: [posting.slots for posting in staffed.built] == [2, 3])
        file.chmod(0o640)
        before = reads
        await staffed.until(lambda: reads > before)
