"""The hop tracer: the moments at which each event of this process passes each hop, from its command to the commits.

It is off by default: `tracer` is None, and a hop costs one comparison. `recording` switches it on. With AURA_HOPS=1
`aura serve` writes the medians to its log when it stops, and `make profile` always prints them.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import NamedTuple
from uuid import UUID

import msgspec

from domain.message import Recorded

EVENTS_MAX = 5000
"""Events and open commands that are kept. The oldest are dropped."""
RECEIVED, LOADED, DECIDED, ACKNOWLEDGED, ANSWERED = (
    "gate: command received",
    "gate: state loaded",
    "gate: decided",
    "gate: publish acknowledged",
    "gate: answered",
)
READ, MARKED, STORED = "recorder: read", "recorder: marked and passed on", "recorder: stored"
WORK = "work: from the passing on of the causing event to the command"
CAUSED = "cause passed on"


def folded(consumer: str) -> str:
    return f"{consumer}: folded and reacted"


def committed(consumer: str) -> str:
    return f"{consumer}: committed"


class Traced(msgspec.Struct):
    """One event. `at`: {hop: moment in seconds}. `cause`: id of the event that its command follows from."""

    type: str = ""
    cause: UUID | None = None
    at: dict[str, float] = msgspec.field(default_factory=dict)


class HopTime(NamedTuple):
    """The median time of one hop in milliseconds, since the command was received. `events`: their number.

    WORK is the time before the command.
    """

    hop: str
    ms: float
    events: int


class Tracer:
    """The moments of the last EVENTS_MAX events."""

    def __init__(self) -> None:
        self.events: dict[int, Traced] = {}
        self._commands: dict[UUID, dict[str, float]] = {}
        self._passed: dict[UUID, float] = {}

    def command(self, id: UUID, hop: str) -> None:
        """Note a moment of a command that has no event yet. After a conflict the last moment counts."""
        if hop == RECEIVED:
            self._commands[id] = {}
            _shorten(self._commands)
        self._commands.setdefault(id, {})[hop] = time.perf_counter()

    def published(self, command: UUID, seqs: Sequence[int]) -> None:
        """Note that the events of a command are on the stream, at these sequences."""
        moments = self._commands.pop(command, {}) | {ACKNOWLEDGED: time.perf_counter()}
        for seq in seqs:
            self._event(seq).at.update(moments)

    def passed_on(self, events: Sequence[Recorded]) -> None:
        """Note that the recorder has marked events, and that this process's consumers can fold them."""
        now = time.perf_counter()
        for event in events:
            traced = self._event(event.seq)
            traced.type, traced.cause = event.envelope.type, event.envelope.cause
            traced.at[MARKED] = now
            if traced.cause in self._passed:
                traced.at[CAUSED] = self._passed[traced.cause]
            self._passed[event.envelope.id] = now
        _shorten(self._passed)

    def hop(self, seqs: Collection[int], hop: str) -> None:
        """Note that events have passed a hop."""
        now = time.perf_counter()
        for seq in seqs:
            self._event(seq).at[hop] = now

    def _event(self, seq: int) -> Traced:
        traced = self.events.get(seq)
        if traced is None:
            traced = self.events[seq] = Traced()
            _shorten(self.events)
        return traced

    def times(self, *, type: str | None = None) -> list[HopTime]:
        """Return the median time of each hop, earliest first, over all events or those of one type."""
        found: dict[str, list[float]] = {}
        for traced in self.events.values():
            if type not in (None, traced.type) or RECEIVED not in traced.at:
                continue
            received = traced.at[RECEIVED]
            for hop, at in traced.at.items():
                if hop == CAUSED:
                    found.setdefault(WORK, []).append(1000 * (received - at))
                elif hop != RECEIVED:
                    found.setdefault(hop, []).append(1000 * (at - received))
        times = [HopTime(hop, median(values), len(values)) for hop, values in found.items()]
        return sorted(times, key=lambda each: (each.hop != WORK, each.ms))


def _shorten(kept: dict[UUID, dict[str, float]] | dict[UUID, float] | dict[int, Traced]) -> None:
    if len(kept) > EVENTS_MAX:
        del kept[next(iter(kept))]  # type: ignore[arg-type]  # the key belongs to this dict


tracer: Tracer | None = None
"""The tracer of this process, or None."""


@contextmanager
def recording() -> Iterator[Tracer]:
    """Trace the hops of all events of this process within this context."""
    global tracer
    before, tracer = tracer, Tracer()
    try:
        yield tracer
    finally:
        tracer = before
