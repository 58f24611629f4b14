"""The cached fold of one run or entity. `governance/repository.py` loads it and keeps it up to date."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from bus.subjects import subject_of
from domain.message import Recorded
from domain.registry import DECIDERS, Scope


@dataclass(slots=True)
class CachedAggregate:
    """The fold of one run or entity, the events of each command, and the last sequences that decisions expect."""

    kind: str
    state: Any
    seq: int = 0
    commands: dict[UUID, tuple[Recorded, ...]] = field(default_factory=dict)
    ids: set[UUID] = field(default_factory=set)
    tasks: dict[str, int] = field(default_factory=dict)
    complete: bool = False
    passing: list[Recorded] = field(default_factory=list)  # events of the live log that arrived during the load
    early: dict[int, str | None] = field(default_factory=dict)  # own events folded before they arrived: seq -> void

    def expected(self, scope: Scope, first_seq: int) -> int:
        """Return the scope's last sequence, or 0 if the stream no longer holds it: it is older than the hot window."""
        seq = self.tasks.get(str(scope.id), 0) if scope.kind == "task" else self.seq
        return seq if seq >= first_seq else 0

    def take(self, recorded: Recorded) -> None:
        """Fold an event of the live log, unless it is already folded."""
        if recorded.seq > self.seq:
            self.fold(recorded, subject_of(recorded.envelope))

    def fold(self, recorded: Recorded, subject: str) -> None:
        """Fold one event. A void event changes the known sequences, but not the state."""
        parts = subject.split(".")
        if len(parts) > 5 and parts[4] == "task":
            self.tasks[parts[5]] = recorded.seq
        self.seq = recorded.seq
        self.ids.add(recorded.envelope.id)
        earlier = self.commands.get(recorded.envelope.command, ())
        self.commands[recorded.envelope.command] = (*earlier, recorded)
        if recorded.void is None:
            self.state = DECIDERS[self.kind][2](self.state, recorded.event)
