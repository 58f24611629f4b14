"""Checks of the money on a log: after each event, no cap is exceeded."""

from collections.abc import Iterator, Sequence

from domain.caps import cap_of
from domain.message import Recorded
from domain.money import NOTHING
from domain.run import RunState
from tests.unit.world import World


def counting(log: Sequence[Recorded]) -> Iterator[Recorded]:
    """Yield the events that change a state: those that are not void and no refusals."""
    yield from (each for each in log if not each.void and each.envelope.entity != "refusal")


def checked(log: Sequence[Recorded]) -> World:
    """Fold the log event by event. After each event, no cap is exceeded."""
    world = World()
    for recorded in counting(log):
        world.apply(recorded.event)  # type: ignore[arg-type]  # nothing is erased
        office = world.organisation
        assert office.committed.fits(office.cap), recorded.seq
        for key, book in office.books.items():
            assert book.committed.fits(office.caps[cap_of(key)].room(NOTHING)), (recorded.seq, key)
        run = recorded.envelope.run
        if run is not None:
            within_run(world.runs[run])
    return world


def within_run(state: RunState) -> None:
    assert state.left.usd >= 0
    assert state.left.tokens >= 0
    assert state.submitted is not None
    for part in state.tasks.in_progress():
        limit = state.submitted.task_caps.get(part.name)
        assert limit is None or (part.spent + part.reserved).fits(limit.room(NOTHING))
    for tranche in state.tranches.values():
        assert tranche.spent.fits(tranche.amount)
