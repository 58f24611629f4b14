"""The Accountant's reactions: a result may move an employee by a tier, and a dishonest act is fined (ADR 0086)."""

from collections.abc import Iterator, Sequence

from bus.projection import Cause
from bus.projection_rows import Rows
from domain import employee, incident
from domain.career_messages import FineRules
from domain.message import Command, Recorded, TaskEvent
from domain.tiers import TierRules, move_of
from projections.career_rows import career_of
from projections.fine_rows import result_of


class Accountant:
    """The Accountant's reactions. Without rules, nobody has a career and nobody is fined, as in earlier releases."""

    def __init__(self, tiers: TierRules | None = None, fines: FineRules | None = None) -> None:
        self._tiers = tiers
        self._fines = fines

    def react(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        event = recorded.event
        if isinstance(event, TaskEvent) and result_of(event) is not None:
            return list(self._assessed(event, rows, cause))
        if isinstance(event, incident.Raised):
            return list(self._fined(event, cause))
        return ()

    def react_void(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        del recorded, rows, cause  # void work is no evidence
        return ()

    def _assessed(self, event: TaskEvent, rows: Rows, cause: Cause) -> Iterator[Command]:
        """Yield the assessment of an employee whose tier or ceilings change after this result: at most one step."""
        row, rules = career_of(rows, event.employee), self._tiers
        if rules is None or row is None or row.tier is None or not row.employed:
            return
        if move_of(row.tier, row.record, rules) is None and rules.of(row.tier).ceilings == row.ceilings:
            return
        yield employee.Assess(
            **cause.fields("accountant.assess"), employee=row.scope, tier=row.tier, record=row.record, rules=rules
        )

    def _fined(self, event: incident.Raised, cause: Cause) -> Iterator[Command]:
        rules = self._fines
        if rules is not None and event.employee is not None and event.kind in rules.fines:
            yield employee.Fine(
                **cause.fields("accountant.fine"),
                employee=event.employee,
                incident=event.incident,
                kind=event.kind,
                reason=event.detail,
                rules=rules,
            )
