"""The workers of a process end with it, even if one of them ignores a cancel."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from uuid import UUID

import pytest

from agents.employees import postings
from agents.employees.posting import Posting
from agents.employees.providers.scripted import ScriptedEmployee
from agents.workers.pool import Workers
from agents.workers.worker import OrderMessage
from tests.permitting import Permitting

ENDING_WAIT_S = 120.0
POLL_S = 0.01


class Waiting(Permitting):
    """A queue without orders. `deaf`: the first cancel is lost, as in wait_for of Python 3.11."""

    def __init__(self, *, deaf: bool) -> None:
        self._deaf = deaf
        self.asked = asyncio.Event()

    async def next_order(self, _employee: UUID, _wait_s: float, _stop: asyncio.Event, /) -> OrderMessage | None:
        self.asked.set()
        try:
            await asyncio.sleep(POLL_S)
        except asyncio.CancelledError:
            if not self._deaf:
                raise
            self._deaf = False
        return None

    async def send_result(self, _employee: UUID, _id: str, _data: bytes, /) -> None:
        raise AssertionError("nobody has work")


class Stopped(Exception):
    """The failure of another part of the process."""


@pytest.fixture
def staff(tmp_path: Path) -> Path:
    postings.save(tmp_path, Posting(name="anna", kind="scripted", script=str(tmp_path / "answers.json")))
    return tmp_path


def workers(staff: Path, queue: Waiting) -> Workers:
    return Workers(staff, None, lambda: queue, lambda posting, _: scripted(posting), {})


class Nothing:
    """A script that is never played."""

    name = "nothing"

    def files(self, _order: object) -> dict[str, bytes]:
        return {}


def scripted(posting: Posting) -> ScriptedEmployee:
    return ScriptedEmployee(id=posting.id, name=posting.name, script=Nothing())


@pytest.mark.parametrize("deaf", [False, True], ids=["hears the cancel", "loses the cancel"])
async def test_workers_end_when_another_part_of_the_process_fails(staff: Path, deaf: bool) -> None:
    queue = Waiting(deaf=deaf)

    async def process() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(workers(staff, queue).run(asyncio.Event()))
            await queue.asked.wait()
            raise Stopped

    with pytest.raises(ExceptionGroup) as raised:
        await within(process)
    assert raised.group_contains(Stopped)


async def test_workers_end_when_they_are_told_to(staff: Path) -> None:
    queue, stop = Waiting(deaf=False), asyncio.Event()

    async def process() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(workers(staff, queue).run(stop))
            await queue.asked.wait()
            stop.set()

    await within(process)


async def within(process: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run a process to its end. If it does not end, the test fails."""
    task = asyncio.create_task(process())
    done, _ = await asyncio.wait([task], timeout=ENDING_WAIT_S)
    assert done, "the process does not end"
    await task
