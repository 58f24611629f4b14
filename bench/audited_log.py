"""A log in memory, with the Auditor's real rows and rules. It is for simulations and tests of the rules."""

from collections.abc import Sequence
from uuid import UUID

from agents.auditor.reactor import Auditor
from bus.projection import fold
from bus.projection_rows import Rows
from domain import incident
from domain.message import Command, Envelope, Event, Recorded
from projections.auditor import AuditorProjection

BEGIN_US = 1_800_000_000_000_000
EVENT_IDS = 1 << 64
"""The id of an event is this number plus its sequence."""


class AuditedLog:
    """Folds events and collects the incidents. Each incident goes onto the log, as in an organisation.

    `close`: close each incident at once, so that a rule may raise the next one.
    """

    def __init__(self, *, close: bool = False) -> None:
        self.rows = Rows(AuditorProjection().tables)
        self.raised: list[incident.Raised] = []
        self.lapsed: list[incident.Lapsed] = []
        self.now = BEGIN_US
        self.seq = 0
        self._close = close
        self._projection, self._auditor = AuditorProjection(), Auditor()

    def add(self, *events: Event) -> list[incident.Raised]:
        """Put events onto the log. Return the incidents that they lead to."""
        raised: list[incident.Raised] = []
        for event in events:
            for command in self._folded(event):
                raised += self._happened(command)
        self.raised += raised
        return raised

    def _folded(self, event: Event) -> Sequence[Command]:
        self.seq += 1
        recorded = Recorded(seq=self.seq, envelope=_envelope(event, self.seq, self.now), event=event)
        commands = fold(self._projection, self._auditor, recorded, self.rows, self.now)
        self.rows.settle()
        return commands

    def _happened(self, command: Command) -> list[incident.Raised]:
        if isinstance(command, incident.Lapse):
            lapsed = incident.Lapsed(incident=command.incident, reason=command.reason)
            self.lapsed.append(lapsed)
            self._folded(lapsed)
            return []
        (event,) = incident.decide(command, incident.initial)
        assert isinstance(event, incident.Raised)
        self._folded(event)
        if self._close:
            self._folded(incident.Closed(incident=event.incident, run=event.run, reason="seen"))
        return [event]


def _envelope(event: Event, seq: int, now: int) -> Envelope:
    kind, entity = event.entity()
    return Envelope(
        id=UUID(int=EVENT_IDS + seq),
        type=event.type,
        version=event.version,
        entity=kind,
        entity_id=entity,
        run=getattr(event, "run", None),
        employee=getattr(event, "employee", None),
        principal=UUID(int=1),
        role="manager",
        occurred_at=now,
        command=UUID(int=seq),
        cause=None,
        policy="",
        commitment="",
    )
