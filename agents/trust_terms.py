"""The duty of the Accountant that lets trust end: an employee without work for too long falls by a tier (ADR 0086)."""

from collections.abc import Callable, Iterator

from agents.dated_commands import DatedCommands
from bus.clock import now
from bus.outbox import Send
from bus.projection_rows import Rows
from domain.employee import LoseTrust
from domain.ladder import DAY_US
from domain.message import derive
from domain.tiers import TIERS, TierRules, loses_trust_at
from projections.career_rows import CareerRow


class TrustTerms(DatedCommands):
    """The duty for losses of trust. It sleeps until one half-life after the oldest evidence of an employee."""

    def __init__(self, send: Send, rules: TierRules, *, clock: Callable[[], int] = now) -> None:
        super().__init__(send, lambda rows, at: due(rows, rules, at), lambda rows: _next_loss(rows, rules), clock=clock)


def _next_loss(rows: Rows | None, rules: TierRules) -> int | None:
    """Return the time before which nobody can lose trust; None if nobody has trust to lose."""
    earliest = [earliest_loss(row, rules) for row in _careers(rows)]
    return min((at for at in earliest if at is not None), default=None)


def due(rows: Rows | None, rules: TierRules, at: int) -> list[LoseTrust]:
    """Return a command for each loss of trust that is due by now. Its id follows from the employee and the date."""
    commands = []
    for row in _careers(rows):
        earliest = earliest_loss(row, rules)
        if earliest is None or earliest > at or row.tier is None:
            continue  # the exact date is later, and costs a search
        lost_at = loses_trust_at(row.tier, row.record, rules)
        if lost_at is not None and lost_at <= at:
            id = derive(row.scope, "accountant.trust", row.tier, lost_at)
            commands.append(LoseTrust(id=id, at=at, employee=row.scope, tier=row.tier, record=row.record, rules=rules))
    return commands


def earliest_loss(row: CareerRow, rules: TierRules) -> int | None:
    """Return the time before which the employee cannot lose trust; None if it never loses any."""
    if row.tier is None or row.tier == TIERS[0] or rules.half_life_days is None:
        return None
    return row.evidence_at + rules.half_life_days * DAY_US


def _careers(rows: Rows | None) -> Iterator[CareerRow]:
    """Yield the careers of all employees that have one."""
    for row in rows.all(CareerRow) if rows is not None else ():
        if row.employed and row.tier is not None:
            yield row
