"""Rebuilds views from the log, to check the live rows, or to replace the live rows.

Only Postgres must run, not NATS.
"""

import time
from collections.abc import Callable

import msgspec

from bus.projection import Projection
from bus.store import Store
from domain.errors import Differs, Invalid, NotFound
from domain.wording import counted
from projections import replay
from projections.rebuilding import rebuild_with_jobs
from runtime.roles import CONSUMERS, HEAR_AGAIN

PROGRESS_S = 2.0
"""Time between two lines of progress."""
SHORTEST_S = 0.001


class ReplayDigests(msgspec.Struct, frozen=True, kw_only=True):
    """The digest of each table as of an event, by consumer. Two machines can compare them."""

    to: int
    digests: dict[str, dict[str, str]]


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """A projection that was rebuilt up to an event. Its rows have replaced the live rows."""

    projection: str
    seq: int


class RebuiltAll(msgspec.Struct, frozen=True, kw_only=True):
    """All projections, rebuilt."""

    rebuilt: list[Rebuilt]


def projection_named(name: str) -> Projection:
    """Return the projection of a consumer. Raises Invalid for an empty name, NotFound for another name."""
    if not name:
        raise Invalid("No projection is named.", hint=f"Name one of {', '.join(CONSUMERS)}, or use --check for all.")
    make = CONSUMERS.get(name)
    if make is None:
        raise NotFound(f"There is no projection {name!r}.", hint=f"The projections are: {', '.join(CONSUMERS)}.")
    return make()


async def checked_replay(
    store: Store, note: Callable[[str], None] = lambda _: None, *, jobs: int = 1
) -> replay.Checked:
    """Rebuild every projection from the event store, and compare it with its live rows.

    `note` gets lines of progress. `jobs`: number of processes.
    """
    return await replay.check(store, _all(), ProgressLines(note, "rows are compared"), jobs=jobs)


def _all() -> list[Projection]:
    return [make() for make in CONSUMERS.values()]


class ProgressLines:
    """Turns the progress of a replay into lines of text, at most one for each PROGRESS_S."""

    def __init__(self, note: Callable[[str], None], then: str) -> None:
        self._note = note
        self._then = then
        self._begun = self._noted = time.monotonic()

    def __call__(self, done: int, last: int) -> None:
        now = time.monotonic()
        if not done or (now - self._noted < PROGRESS_S and (done < last or self._noted == self._begun)):
            return
        self._noted, rate = now, done / max(now - self._begun, SHORTEST_S)
        line = f"{done:,} of {last:,} events, {rate:,.0f} events/s"
        self._note(f"{line}, {(last - done) / rate:,.0f} s left" if done < last else f"{line}; now the {self._then}")


def differs(checked: replay.Checked) -> Differs | None:
    """Return the error of a check that found differences; None if it found none."""
    if not checked.differences:
        return None
    number = counted(len(checked.differences), "difference")
    message = f"{number} between log and live rows. The first: {checked.differences[0]}."
    return Differs(message, hint="`aura replay PROJECTION` rebuilds a projection from the log.")


async def digests_at(store: Store, to: int, note: Callable[[str], None] = lambda _: None) -> ReplayDigests:
    """Rebuild every projection up to a sequence, and digest its tables. Raises NotFound if the log ends earlier."""
    last = await store.recorded_up_to()
    if to > last:
        raise NotFound(f"There is no event {to}: the log ends at {last}.", hint=f"Write a sequence up to {last}.")
    return ReplayDigests(
        to=to, digests=await replay.digests_as_of(store, _all(), to, ProgressLines(note, "rows are digested"))
    )


async def rebuild(store: Store, projection: Projection, note: Callable[[str], None] = lambda _: None) -> Rebuilt:
    """Rebuild a projection, and replace its live rows with the result. `note` gets lines of progress."""
    seq = await replay.rebuild(
        store, projection, ProgressLines(note, "rows are written"), react_again=projection.name in HEAR_AGAIN
    )
    return Rebuilt(projection=projection.name, seq=seq)


async def rebuild_all(store: Store, note: Callable[[str], None] = lambda _: None, *, jobs: int = 1) -> RebuiltAll:
    """Rebuild every projection. `note` gets lines of progress. `jobs`: number of processes."""
    positions = await rebuild_with_jobs(
        store, _all(), ProgressLines(note, "rows are written"), react_again=HEAR_AGAIN, jobs=jobs
    )
    return RebuiltAll(rebuilt=[Rebuilt(projection=name, seq=seq) for name, seq in positions.items()])
