"""The pool of bubblewrap boxes that wait for a run. It holds boxes only for kinds of runs that happened before.

Each run of a kind takes a waiting box of this kind. While no box runs, the pool makes as many boxes of each kind as the
last work used. A box that waits too long is ended, and is not made again before the next run of its kind. So a process
without work has no waiting boxes after a while, and does nothing for the pool.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from verification.sandbox.base import RunResult, RunSpec, with_room
from verification.sandbox.pool_size import PoolSize
from verification.sandbox.pooled_box import PooledBox, line_of
from verification.sandbox.waiting import settled

FILL_PAUSE_S = 0.1
"""Time without a run before the pool makes boxes, so that it takes no CPU from a verdict between two of its runs."""
LOOK_EVERY_S = 10.0
"""Time between two looks at the age of the boxes and at the free memory. Without waiting boxes there are no looks."""
ROOM_STEP_BYTES = 256 * 1024
"""Unit of the room for input files in a waiting box. The box gets exactly the room of its run at the hand-out."""
Shape = tuple[object, ...]


@dataclass(eq=False)
class _Stock:
    """The waiting boxes of one kind, oldest first, each with its time. `runs` counts the runs since the last fill."""

    template: RunSpec
    boxes: list[tuple[float, PooledBox]] = field(default_factory=list)
    wanted: int = 0
    runs: int = 0
    used_at: float = 0.0


class BoxPool:
    """A pool of waiting boxes of one sandbox. `handed_out` counts the runs that a waiting box has performed."""

    def __init__(
        self,
        make: Callable[[RunSpec], Awaitable[PooledBox | None]],
        size: PoolSize,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`make` makes a waiting box, or returns None. `clock` returns seconds."""
        self.handed_out = 0
        self._kept = True
        self._make = make
        self._size = size
        self._clock = clock
        self._stocks: dict[Shape, _Stock] = {}  # the least recently used first
        self._running = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timers: dict[Callable[[], None], asyncio.TimerHandle] = {}
        self._filling: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Mark the time of a run. The pool makes no boxes in this time."""
        self._enter_loop()
        self._running += 1
        self._cancel(self._fill_soon)
        try:
            yield
        finally:
            self._running -= 1
            if not self._running and self._stocks:
                self._after(FILL_PAUSE_S, self._fill_soon)

    async def play(self, spec: RunSpec) -> RunResult | None:
        """Run a command in a waiting box. Return None if no box waits for it, or if the box did not start it."""
        stock = self._stock_for(spec)
        if stock is None:
            return None
        stock.runs += 1
        while stock.boxes:
            _, box = stock.boxes.pop(0)
            if not box.waits:
                self._end(box)
                continue
            result = await box.play(with_room(spec))
            self.handed_out += result is not None
            return result
        return None

    async def stock(self, spec: RunSpec, number: int) -> int:
        """Make boxes for runs like this one until `number` boxes wait. Return how many wait."""
        self._enter_loop()
        stock = self._stock_for(spec)
        while stock is not None and len(stock.boxes) < number and await self._made(stock):
            stock.wanted = max(stock.wanted, len(stock.boxes))
        return len(stock.boxes) if stock else 0

    async def filled(self) -> None:
        """Wait until the pool has made the boxes that it wants. Call it while no box runs."""
        self._enter_loop()
        self._cancel(self._fill_soon)
        self._fill_soon()
        if self._filling:
            await asyncio.wait({self._filling})

    @property
    def waiting(self) -> int:
        """The number of waiting boxes."""
        return sum(len(stock.boxes) for stock in self._stocks.values())

    def keep(self, wanted: bool) -> None:
        """Say whether boxes may wait. If not, end the waiting ones, and make none until this changes."""
        self._kept = wanted
        if not wanted:
            self._empty()

    async def close(self) -> None:
        """End all waiting boxes. The pool can be used again."""
        self._enter_loop()
        for act in list(self._timers):
            self._cancel(act)
        self._running += 1  # a fill that has begun ends after its current box
        cancelled = await settled(self._filling)
        self._running -= 1
        self._empty()
        cancelled = await settled(*self._ending) or cancelled
        if cancelled:
            raise cancelled

    def _stock_for(self, spec: RunSpec) -> _Stock | None:
        """Return the stock for a run, now the most recently used one. Return None if no waiting box can perform it."""
        if spec.live is not None or spec.door is not None or line_of(spec) is None:
            return None
        template = template_of(spec)
        with suppress(OSError):
            shape = shape_of(template)
            stock = self._stocks.pop(shape, None) or _Stock(template)
            self._stocks[shape] = stock
            stock.used_at = self._clock()
            return stock
        return None

    def _fill_soon(self) -> None:
        self._timers.pop(self._fill_soon, None)
        if self._filling is None or self._filling.done():
            self._filling = asyncio.create_task(self._fill())

    async def _fill(self) -> None:
        """Make boxes until each kind has as many as its last work used, or until a box runs again."""
        for stock in self._stocks.values():
            stock.wanted = min(self._size.boxes_max, max(stock.wanted, stock.runs))
            stock.runs = 0
        while self._kept and not self._running and (lacking := self._lacking()) is not None:
            if not await self._made(lacking):
                lacking.wanted = len(lacking.boxes)

    async def _made(self, stock: _Stock) -> bool:
        """Add a box to a stock. Return False if the box could not be made, or if the pool was emptied meanwhile."""
        box = await self._make(stock.template)
        if box is None:
            return False
        if stock not in self._stocks.values() or not self._kept:
            self._end(box)
            return False
        stock.boxes.append((self._clock(), box))
        if self._look not in self._timers:
            self._after(LOOK_EVERY_S, self._look)
        return True

    def _lacking(self) -> _Stock | None:
        """Return the most recently used stock that lacks a box, after a place for the box is free."""
        if free_memory_bytes() < self._size.free_memory_min_bytes:
            self._empty()
            return None
        left = self._size.boxes_max
        for stock in reversed(self._stocks.values()):
            if len(stock.boxes) < min(stock.wanted, left):
                self._make_place()
                return stock
            left -= len(stock.boxes)
        return None

    def _make_place(self) -> None:
        for stock in self._stocks.values():
            if self.waiting < self._size.boxes_max:
                return
            while stock.boxes and self.waiting >= self._size.boxes_max:
                self._end(stock.boxes.pop(0)[1])

    def _look(self) -> None:
        """End the boxes that are too old or have died. End all boxes if memory is short."""
        self._timers.pop(self._look, None)
        if free_memory_bytes() < self._size.free_memory_min_bytes:
            self._empty()
        oldest = self._clock() - self._size.age_max_s
        for shape, stock in list(self._stocks.items()):
            for made_at, box in list(stock.boxes):
                if made_at <= oldest or not box.waits:
                    stock.boxes.remove((made_at, box))
                    self._end(box)
            stock.wanted = min(stock.wanted, len(stock.boxes)) if stock.used_at <= oldest else stock.wanted
            if not stock.boxes and stock.used_at <= oldest:
                del self._stocks[shape]
        if self.waiting:
            self._after(LOOK_EVERY_S, self._look)

    def _empty(self) -> None:
        for stock in self._stocks.values():
            for _, box in stock.boxes:
                self._end(box)
        self._stocks.clear()

    def _end(self, box: PooledBox) -> None:
        ending = asyncio.create_task(box.end())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    def _after(self, seconds: float, act: Callable[[], None]) -> None:
        self._cancel(act)
        self._timers[act] = asyncio.get_running_loop().call_later(seconds, act)

    def _cancel(self, act: Callable[[], None]) -> None:
        if timer := self._timers.pop(act, None):
            timer.cancel()

    def _enter_loop(self) -> None:
        """Give up the boxes of an event loop that has ended: another loop cannot use them."""
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return
        former, self._loop = [box for stock in self._stocks.values() for _, box in stock.boxes], loop
        self._stocks.clear()
        self._timers.clear()
        self._ending.clear()
        self._filling, self._running = None, 0
        for box in former:
            box.abandon()


def template_of(spec: RunSpec) -> RunSpec:
    """Return the part of a run that a waiting box has before the hand-out."""
    own, whole = _pages(spec.limits.work_bytes), _pages(with_room(spec).limits.work_bytes)
    room = own + -(-(whole - own) // ROOM_STEP_BYTES) * ROOM_STEP_BYTES
    limits = msgspec.structs.replace(spec.limits, work_bytes=room)
    return RunSpec(argv=(), read_only=spec.read_only, folders=spec.folders, links=spec.links, limits=limits)


def shape_of(template: RunSpec) -> Shape:
    """Return everything that distinguishes one kind of waiting box from another. Raises OSError for a missing folder.

    Limits that only the host watches are not part of it, because they begin with the run.
    """
    limits = template.limits
    folders = []
    for inside, outside in sorted(template.folders.items()):
        found = os.stat(outside)
        folders.append((inside, str(outside), found.st_dev, found.st_ino))
    return (
        tuple(sorted(template.read_only.items())),
        tuple(folders),
        tuple(sorted(template.links.items())),
        (limits.memory_bytes, limits.processes, limits.file_bytes, limits.open_files),
        (limits.work_bytes, limits.tmp_bytes),
    )


def free_memory_bytes() -> int:
    """Return the memory that programs can still get on this machine."""
    for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def _pages(size: int) -> int:
    page = os.sysconf("SC_PAGE_SIZE")
    return -(-size // page) * page
