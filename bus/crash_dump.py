"""Last words: what a process was doing when the kernel ended it for a fault, and what it is doing now."""

import faulthandler
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any


def tell() -> None:
    """Write every thread's stack to the standard error on SIGSEGV and its like, and on SIGUSR1, which ends nothing.

    On SIGUSR1 the tasks of the event loop follow, each with the line at which it waits.
    Called where a process begins. The standard error of a supervised process is its log.
    """
    if sys.__stderr__ is None:  # closed by whoever started us: there is nowhere to write to
        return
    faulthandler.enable(sys.__stderr__)
    signal.signal(signal.SIGUSR1, _tell_tasks)
    faulthandler.register(signal.SIGUSR1, sys.__stderr__, chain=True)


def _tell_tasks(_number: int, _frame: FrameType | None) -> None:
    """Write the tasks of the running event loop, if there is one. It runs in the main thread, between two steps."""
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
    """Yield the frames of a coroutine and of all that it waits for, with their current lines."""
    while (frame := _first(awaited, "cr_frame", "gi_frame", "ag_frame")) is not None:
        yield frame, frame.f_lineno
        awaited = _first(awaited, "cr_await", "gi_yieldfrom", "ag_await")


def _first(awaited: Any, *names: str) -> Any:
    """Return the first attribute that is there: coroutines and generators have different names for the same."""
    return next((value for name in names if (value := getattr(awaited, name, None)) is not None), None)
