"""Fairness of a log: how long ready tasks and handed-in trees wait, and how often other runs overtake a run."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from uuid import UUID

from bench.figures import quantile
from domain import run_messages, task
from domain.message import Recorded

MICRO = 1_000_000
Key = tuple[UUID, UUID | None]


class WaitingLine:
    """One line of waiting things, each of a run. A thing joins the line, and leaves it when it is served."""

    def __init__(self) -> None:
        self.waits_s: list[float] = []
        self.lengths: list[int] = []
        self.overtaken = 0
        """The most things of one other run that were served while a run waited and had nothing in service."""
        self._joined: dict[Key, int] = {}
        self._in_service: Counter[UUID] = Counter()
        self._passed: dict[UUID, Counter[UUID]] = {}

    def join(self, run: UUID, thing: UUID | None, at: int) -> None:
        self._joined[run, thing] = at
        self._renew(run)

    def serve(self, run: UUID, thing: UUID | None, at: int) -> None:
        joined = self._joined.pop((run, thing), None)
        if joined is None:
            return
        self.waits_s.append((at - joined) / MICRO)
        self.lengths.append(len(self._joined))
        self._in_service[run] += 1
        self._renew(run)
        for waiting, passed in self._passed.items():
            if waiting != run:
                passed[run] += 1
                self.overtaken = max(self.overtaken, passed[run])

    def leave(self, run: UUID) -> None:
        """A thing of the run is no longer in service."""
        self._in_service[run] = max(0, self._in_service[run] - 1)
        self._renew(run)

    def drop(self, run: UUID) -> None:
        """Forget a run that has ended."""
        self._joined = {key: at for key, at in self._joined.items() if key[0] != run}
        self._renew(run)

    def _renew(self, run: UUID) -> None:
        """Count from now on who passes the run, if it waits with nothing in service."""
        if self._in_service[run] or not any(key[0] == run for key in self._joined):
            self._passed.pop(run, None)
        else:
            self._passed.setdefault(run, Counter())

    def figures(self, what: str) -> Mapping[str, float]:
        if not self.waits_s:
            return {}
        return {
            f"{what} waits, p50, s": median(self.waits_s),
            f"{what} waits, p95, s": quantile(self.waits_s, 0.95),
            f"{what} waits, longest, s": max(self.waits_s),
            f"{what}: most served of one other run meanwhile": self.overtaken,
            f"{what}: most in the line": max(self.lengths),
        }


def figures_of(log: Sequence[Recorded]) -> Mapping[str, float]:
    """Return the figures of ready tasks and of trees that wait for a verdict. No task of the log depends on another."""
    ready, trees = WaitingLine(), WaitingLine()
    for recorded in log:
        if recorded.void is None:
            _note(recorded, ready, trees)
    return {**ready.figures("a ready task"), **trees.figures("a tree")}


def _note(recorded: Recorded, ready: WaitingLine, trees: WaitingLine) -> None:
    at = recorded.envelope.occurred_at
    match recorded.event:
        case run_messages.Planned(run=run, tasks=tasks):
            for part in tasks:
                ready.join(run, part.id, at)
        case task.Assigned(run=run, task=part):
            ready.serve(run, part, at)
        case task.Submitted(run=run, task=part):
            trees.join(run, part, at)
        case task.Verified(run=run, task=part) | task.Rejected(run=run, task=part) as judged:
            trees.serve(run, part, at)
            trees.leave(run)
            ready.leave(run)
            if isinstance(judged, task.Rejected):
                ready.join(run, part, at)
        case task.AttemptEnded(run=run, task=part) | task.Released(run=run, task=part):
            ready.leave(run)
            ready.join(run, part, at)
        case run_messages.Merged(run=run):
            trees.join(run, None, at)
        case run_messages.Verified(run=run) | run_messages.Rejected(run=run):
            trees.serve(run, None, at)
            trees.leave(run)
        case run_messages.Ended(run=run):
            ready.drop(run)
            trees.drop(run)
