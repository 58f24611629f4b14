"""Replay in several processes. Each process reads the log itself and folds it into some of the projections."""

import asyncio
import multiprocessing
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

import msgspec

from bus.projection import Projection
from domain.errors import AuraError, Failed, Invalid
from projections.log_fold import Progress

END_WAIT_S = 30.0
"""Longest time that an interrupted process has to remove what it has begun."""
WEIGHTS = {"manager": 5, "verifier": 2, "auditor": 2, "accountant": 2}
"""Measured cost of a projection, relative to one that uses few events."""
T = TypeVar("T")
Work = Callable[[Any, Progress], Awaitable[T]]
"""Function that a process runs, with its request and a callback for progress. Function and request are pickled."""


class Progressed(msgspec.Struct, frozen=True):
    """Progress of one process: number of folded events, and number of all events."""

    done: int
    all: int


class Ended(msgspec.Struct, frozen=True):
    """The end of a process: its result, or its error."""

    result: Any = None
    error: AuraError | None = None


def grouped(projections: Sequence[Projection], jobs: int) -> list[list[Projection]]:
    """Divide projections among processes, so that each has about the same work. Raises Invalid for a wrong number."""
    if not 1 <= jobs <= len(projections):
        raise Invalid(
            f"--jobs {jobs} is not possible: there are {len(projections)} projections.",
            hint=f"Write a number from 1 to {len(projections)}. More processes than cores are not faster.",
        )
    groups: list[list[Projection]] = [[] for _ in range(jobs)]
    for projection in sorted(projections, key=_weight, reverse=True):
        min(groups, key=lambda group: sum(map(_weight, group))).append(projection)
    return groups


def _weight(projection: Projection) -> int:
    return WEIGHTS.get(projection.name, 1)


async def run_jobs(work: Work[T], requests: Sequence[Any], on_progress: Progress) -> list[T]:
    """Run `work` with each request in a process of its own, and return the results in the same order.

    The first error ends all processes and is raised. A process that loses its parent ends, too.
    """
    jobs = [_Job(work, request) for request in requests]

    def note() -> None:
        states = [job.progress for job in jobs]
        on_progress(min(state.done for state in states), max(state.all for state in states))

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(job.result(note)) for job in jobs]
    except BaseExceptionGroup as errors:
        raise next(
            (error for error in errors.exceptions if isinstance(error, AuraError)), errors.exceptions[0]
        ) from None
    finally:
        for job in jobs:
            job.hang_up()
        for job in jobs:
            await job.end()
    return [task.result() for task in tasks]


class _Job(Generic[T]):
    """One process and the pipe from it."""

    def __init__(self, work: Work[T], request: Any) -> None:
        spawning = multiprocessing.get_context("spawn")
        self.progress = Progressed(0, 0)
        self._connection, sender = spawning.Pipe(duplex=False)
        self._process: BaseProcess = spawning.Process(target=_run, args=(work, request, sender), daemon=True)
        self._process.start()
        sender.close()

    async def result(self, note: Callable[[], None]) -> T:
        """Wait for the end of the process. Return its result, or raise its error."""
        async for message in _messages(self._connection):
            if isinstance(message, Ended):
                if message.error is not None:
                    raise message.error
                result: T = message.result
                return result
            self.progress = message
            note()
        await asyncio.to_thread(self._process.join, END_WAIT_S)
        raise Failed(
            f"A process of the replay ended with the status {self._process.exitcode}.",
            hint="The lines above say why. Try again with --jobs 1.",
        )

    def hang_up(self) -> None:
        """Close the pipe. The process then ends at its next sign of progress."""
        self._connection.close()

    async def end(self) -> None:
        """Wait for the end of the process. A process that does not end in time is killed."""
        await asyncio.to_thread(self._process.join, END_WAIT_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


async def _messages(connection: "Connection[Any, Any]") -> AsyncIterator[Any]:
    """Yield the messages from a process until it ends."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(connection.fileno(), ready.set)
    try:
        while True:
            await ready.wait()
            ready.clear()
            with suppress(EOFError):
                while connection.poll():
                    yield connection.recv()
                continue
            return
    finally:
        loop.remove_reader(connection.fileno())


def _run(work: Work[T], request: Any, sender: "Connection[Any, Any]") -> None:
    """Run the work in its own process, and send its progress and its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets Ctrl-C, too, and hangs up

    async def worked() -> T:
        return await work(request, lambda done, all_: sender.send(Progressed(done, all_)))

    with suppress(BrokenPipeError):
        try:
            sender.send(Ended(result=asyncio.run(worked())))
        except AuraError as error:
            sender.send(Ended(error=error))
