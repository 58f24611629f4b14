"""The law: the order of the events in the log decides whether an event counts.

A publish cannot be guarded against the events of another entity, so a task may be assigned while a pause is published.
Then the log holds both events, and their order decides. Every reader of the log calls `void` and skips work that began
after it was forbidden. The law reads only envelopes, so a purge does not change its result.
"""

from bisect import bisect_left
from typing import TypeVar
from uuid import UUID

from domain.message import Envelope

T = TypeVar("T")

STARTS_WORK = frozenset({"task.assigned", "task.call_started"})
"""Events that are void while the organisation is paused or halted, or while the employee is suspended or dismissed."""
STARTS_STAGE = frozenset({"run.planned", "run.merged", "run.delivery_started"})
"""Events that are void while the organisation is halted."""
STARTS = STARTS_WORK | STARTS_STAGE
"""Events that a pause or halt of the organisation can make void, or a suspension or dismissal of the employee."""
NEEDS_OPEN_RUN = STARTS | {"task.submitted", "task.verified", "task.rejected"}
"""Events that are void after the run's end. Receipts (call_finished, released) always count: the money is spent."""
WRONG_SUBJECT = "its subject does not follow from its envelope"
_PHASES = {
    "organisation.founded": "running",
    "organisation.resumed": "running",
    "organisation.paused": "paused",
    "organisation.halted": "halted",
}
_SUSPENDS = {"employee.suspended": True, "employee.reinstated": False}
_DISMISSES = {"employee.dismissed": True, "employee.rehired": False}
"""A rehire cancels a dismissal by its position. It does not cancel a suspension."""

MATTERS = (*_PHASES, *_SUSPENDS, *_DISMISSES, "run.ended")
"""The event types that change standing."""


class Standing:
    """The facts that decide who may work at each sequence: phases of the organisation, suspensions,
    dismissals and ends of runs.

    `fold` may get only events that count. Their order and repetitions do not matter.
    """

    def __init__(self) -> None:
        self._phases: list[tuple[int, str]] = []
        self._suspensions: dict[UUID, list[tuple[int, bool]]] = {}
        self._dismissals: dict[UUID, list[tuple[int, bool]]] = {}
        self._ended: dict[UUID, int] = {}

    def fold(self, envelope: Envelope, seq: int) -> None:
        if envelope.type in _PHASES:
            _insert(self._phases, (seq, _PHASES[envelope.type]))
        elif envelope.type in _SUSPENDS:
            _insert(self._suspensions.setdefault(envelope.entity_id, []), (seq, _SUSPENDS[envelope.type]))
        elif envelope.type in _DISMISSES:
            _insert(self._dismissals.setdefault(envelope.entity_id, []), (seq, _DISMISSES[envelope.type]))
        elif envelope.type == "run.ended":
            run = envelope.entity_id
            self._ended[run] = min(seq, self._ended.get(run, seq))

    def phase(self, seq: int) -> str:
        """Return the organisation's phase just before `seq`."""
        index = bisect_left(self._phases, seq, key=lambda known: known[0])
        return self._phases[index - 1][1] if index else "running"

    def suspended(self, employee: UUID, seq: int) -> bool:
        """Return whether the employee was suspended just before `seq`."""
        return _before(self._suspensions.get(employee, []), seq)

    def dismissed(self, employee: UUID, seq: int) -> bool:
        """Return whether the employee was dismissed just before `seq`."""
        return _before(self._dismissals.get(employee, []), seq)

    def ended(self, run: UUID, seq: int) -> bool:
        """Return whether the run ended before `seq`."""
        return self._ended.get(run, seq) < seq


def _insert(history: list[tuple[int, T]], entry: tuple[int, T]) -> None:
    index = bisect_left(history, entry[0], key=lambda known: known[0])
    if index == len(history) or history[index][0] != entry[0]:
        history.insert(index, entry)


def _before(history: list[tuple[int, bool]], seq: int) -> bool:
    """Return the last value before `seq`; False if there is none."""
    index = bisect_left(history, seq, key=lambda known: known[0])
    return history[index - 1][1] if index else False


def matters(event_type: str) -> bool:
    """Return whether an event of this type changes standing."""
    return event_type in MATTERS


def void(
    envelope: Envelope, seq: int, standing: Standing, *, subject_fits: bool = True, seen: bool = False
) -> str | None:
    """Return the reason why the event at `seq` is void, or None if the event counts.

    `standing` must have folded all events before `seq` that change standing.
    """
    if not subject_fits:
        return WRONG_SUBJECT
    if seen:
        return "an event with this id stands earlier in the log"
    if envelope.run is not None and envelope.type in NEEDS_OPEN_RUN and standing.ended(envelope.run, seq):
        return "the run had ended"
    phase = standing.phase(seq)
    if envelope.type in STARTS_WORK:
        if phase in ("paused", "halted"):
            return f"the organisation was {phase}"
        if envelope.employee is not None and standing.dismissed(envelope.employee, seq):
            return "the employee was dismissed"
        if envelope.employee is not None and standing.suspended(envelope.employee, seq):
            return "the employee was suspended"
    if envelope.type in STARTS_STAGE and phase == "halted":
        return "the organisation was halted"
    return None
