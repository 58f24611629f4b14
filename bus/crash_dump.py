"""Crash dump: the stacks of a process at a fatal signal, and on request at any time."""

import faulthandler
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any


def tell() -> None:
    """Write every thread's stack to standard error on SIGSEGV and similar signals, and on SIGUSR1.

    SIGUSR1 does not end the process. It also writes the tasks of the event loop, each with the line at which it waits.
    Call this when a process starts. The standard error of a supervised process is its log.
    """
    if sys.__stderr__ is None:  # the parent process closed it
        return
    faulthandler.enable(sys.__stderr__)
    signal.signal(signal.SIGUSR1, _tell_tasks)
    faulthandler.register(signal.SIGUSR1, sys.__stderr__, chain=True)


def _tell_tasks(_number: int, _frame: FrameType | None) -> None:
    """Write the tasks of the running event loop, if there is one. It runs in the main thread, between two bytecodes."""
    asyncio = sys.modules.get("asyncio")  # not imported here: `aura --help` needs no event loop
    if asyncio is None:
        return
    try:
        tasks = asyncio.all_tasks()
    except RuntimeError:  # no event loop runs
        return
    stderr = sys.__stderr__
    if stderr is None:
        return
    for task in sorted(tasks, key=lambda task: task.get_name()):
        stderr.write(f"Task {task.get_name()} (outermost call first):\n")
        for frame, line in _waiting_at(task.get_coro()):
            stderr.write(f'  File "{frame.f_code.co_filename}", line {line} in {frame.f_code.co_name}\n')
    stderr.flush()


def _waiting_at(awaited: Any) -> Iterator[tuple[FrameType, int]]:
    """Yield the frames of a coroutine and of everything that it awaits, with their current lines."""
    while (frame := _first(awaited, "cr_frame", "gi_frame", "ag_frame")) is not None:
        yield frame, frame.f_lineno
        awaited = _first(awaited, "cr_await", "gi_yieldfrom", "ag_await")


def _first(awaited: Any, *names: str) -> Any:
    """Return the first existing attribute. Coroutines and generators name the same attribute differently."""
    return next((value for name in names if (value := getattr(awaited, name, None)) is not None), None)
