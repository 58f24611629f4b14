"""The health of a process. It is ready if each needed server answers and each reader is near the log's end."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import msgspec

from domain.errors import Unavailable

CHECK_WAIT_S = 2.0
LAG_EVENTS_MAX = 1000
STALLED_S = 10.0
"""A reader with unread events is stalled if its position does not change for this time."""

Ask = Callable[[], Awaitable[object]]
Positions = Callable[[], Mapping[str, int]]


Standing = Literal["leader", "standby"]
"""The state of a manager: it holds the lease, or it waits for the lease."""


class Dependency(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a server that this process needs."""

    ok: bool
    problem: str | None = None


class ReaderHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A recorder or consumer of this process. `lag` (events) is None while the stream does not answer."""

    ok: bool
    position: int
    lag: int | None
    problem: str | None = None


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of /readyz."""

    ready: bool
    roles: tuple[str, ...]
    dependencies: Mapping[str, Dependency]
    readers: Mapping[str, ReaderHealth]
    manager: Standing | None = None
    """None in a process without a manager. A standby manager is ready too."""


class Health:
    """Checks the health of a process.

    `dependencies`: name -> a call that raises Unavailable if the server has no answer. `positions`: returns the
    position of each reader. `last`: returns the stream's last sequence; None in a process that does not read the log.
    """

    def __init__(
        self, roles: tuple[str, ...], positions: Positions, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.dependencies: dict[str, Ask] = {}
        self.last: Callable[[], Awaitable[int]] | None = None
        self.manager: Callable[[], Standing | None] = lambda: None
        self._roles = roles
        self._positions = positions
        self._clock = clock
        self._behind: dict[str, tuple[int, float]] = {}

    async def check(self) -> HealthReport:
        """Check everything at the same time. Returns within CHECK_WAIT_S."""
        names = list(self.dependencies)
        answers, last = await asyncio.gather(
            asyncio.gather(*(_asked(self.dependencies[name]) for name in names)), self._last()
        )
        dependencies = dict(zip(names, answers, strict=True))
        readers = {name: self._reader(name, position, last) for name, position in self._positions().items()}
        ready = all(part.ok for part in dependencies.values()) and all(part.ok for part in readers.values())
        return HealthReport(
            ready=ready, roles=self._roles, dependencies=dependencies, readers=readers, manager=self.manager()
        )

    async def _last(self) -> int | None:
        if self.last is None:
            return None
        try:
            async with asyncio.timeout(CHECK_WAIT_S):
                return await self.last()
        except (Unavailable, TimeoutError):
            return None

    def _reader(self, name: str, position: int, last: int | None) -> ReaderHealth:
        if last is None:
            return ReaderHealth(ok=False, position=position, lag=None, problem="the stream does not answer")
        lag = max(0, last - position)
        if lag == 0:
            self._behind.pop(name, None)
            return ReaderHealth(ok=True, position=position, lag=lag)
        known, since = self._behind.get(name, (-1, 0.0))
        if known != position:
            self._behind[name] = (position, since := self._clock())
        problem = None
        if position == 0:
            problem = "it has not read an event yet"
        elif self._clock() - since > STALLED_S:
            problem = f"its position has been {position} for more than {STALLED_S:g} s"
        elif lag > LAG_EVENTS_MAX:
            problem = f"it is {lag} events behind, more than {LAG_EVENTS_MAX}"
        return ReaderHealth(ok=problem is None, position=position, lag=lag, problem=problem)


async def _asked(question: Ask) -> Dependency:
    try:
        async with asyncio.timeout(CHECK_WAIT_S):
            await question()
    except Unavailable as error:
        return Dependency(ok=False, problem=str(error))
    except TimeoutError:
        return Dependency(ok=False, problem=f"no answer within {CHECK_WAIT_S:g} s")
    return Dependency(ok=True)
