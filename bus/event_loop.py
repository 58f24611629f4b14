"""The event loop of a long process: uvloop if it is installed, otherwise the loop of asyncio.

uvloop does the same work with less CPU time, but its import takes about 10 ms. So short commands use asyncio.
"""

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from domain.errors import Unavailable

LoopChoice = Literal["auto", "uvloop", "asyncio"]
"""The setting AURA_LOOP. `auto` takes uvloop if it is installed."""
PLAIN: Literal["asyncio"] = "asyncio"
Factory = Callable[[], asyncio.AbstractEventLoop]
COLLECT_AFTER = (20_000, 10, 10)
"""Thresholds of Python's garbage collector in a long process: new objects, collections of the young, of the middle.

Hardly any object of an event is part of a cycle, so looking for cycles after each 700 new objects finds nothing.
"""


def factory_of(choice: LoopChoice) -> Factory | None:
    """Return the function that makes the event loop. None means the loop of asyncio.

    Raises Unavailable if the choice is uvloop and it is not installed.
    """
    if choice == PLAIN:
        return None
    try:
        import uvloop
    except ImportError as error:
        if choice == "auto":
            return None
        raise Unavailable(
            f"AURA_LOOP is uvloop, but uvloop cannot be imported: {error}.",
            hint="Install uvloop, or unset AURA_LOOP.",
            code="parts_missing",
        ) from None
    made: Factory = uvloop.new_event_loop
    return made


@contextmanager
def fewer_collections() -> Iterator[None]:
    """Let the garbage collector work less often, and never look at the objects that exist now, such as modules."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def name_of(choice: LoopChoice) -> str:
    """Return the name and version of the event loop that `factory_of` makes for this choice."""
    if factory_of(choice) is None:
        return PLAIN
    try:
        return f"uvloop {version('uvloop')}"
    except PackageNotFoundError:
        return "uvloop"
