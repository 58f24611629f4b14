"""The decisions about tiers, the loss of trust, and fines of an employee (ADR 0086)."""

from domain.career_messages import Assess, Demoted, Fine, Fined, LoseTrust, Place, Placed, Promoted
from domain.employee_event import EmployeeEvent
from domain.employee_state import EmployeeState
from domain.errors import Invalid
from domain.reason import reason_of
from domain.tiers import TIERS, Record, TierRule, decayed, loses_trust_at, move_of

RISE, FALL, TRUST, PROBATION, CEILINGS = "rise", "fall", "trust", "probation", "ceilings"
"""The rules of tiers."""

Events = tuple[EmployeeEvent, ...]


def assess(command: Assess, state: EmployeeState) -> Events:
    """Decide the tier that follows from a record: at most one step. Rows that are out of date give no event."""
    if state.phase == "dismissed" or state.tier != command.tier:
        return ()
    record, rules = command.record, command.rules
    move = move_of(command.tier, record, rules)
    if move is None:
        ceilings = rules.of(command.tier).ceilings
        if ceilings == state.ceilings:
            return ()
        return (
            Placed(
                employee=command.employee,
                before=command.tier,
                tier=command.tier,
                ceilings=ceilings,
                reason="The rules have other ceilings for this tier.",
                rule=CEILINGS,
                rules_version=rules.version,
            ),
        )
    above = rules.above(command.tier)
    target = above if move == "rise" and above is not None else rules.below(command.tier)
    kind = Promoted if move == "rise" else Demoted
    rule = FALL if move == "fall" else PROBATION if command.tier == TIERS[0] else RISE
    return (_moved(kind, command, target, record, rule),)


def lose_trust(command: LoseTrust, state: EmployeeState) -> Events:
    """Decide the loss of a tier of an unused employee. What is left of its evidence is in the event."""
    rules = command.rules
    lost_at = loses_trust_at(command.tier, command.record, rules)
    if state.phase == "dismissed" or state.tier != command.tier or lost_at is None or command.at < lost_at:
        return ()
    assert rules.half_life_days is not None
    left = decayed(command.record, lost_at, rules.half_life_days)
    return (_moved(Demoted, command, rules.below(command.tier), left, TRUST),)


def _moved(
    kind: type[Promoted | Demoted], command: Assess | LoseTrust, target: TierRule, record: Record, rule: str
) -> Promoted | Demoted:
    """Return the event of a move to another tier, with the evidence for it."""
    lower, upper = record.bounds
    return kind(
        employee=command.employee,
        before=command.tier,
        tier=target.tier,
        ceilings=target.ceilings,
        record=record,
        lower=lower,
        upper=upper,
        rule=rule,
        rules_version=command.rules.version,
    )


def place(command: Place, state: EmployeeState) -> Events:
    """Decide the tier that the Director sets."""
    if command.tier not in TIERS:
        raise Invalid(f"There is no tier {command.tier}.", hint=f"Write one of: {', '.join(TIERS)}.")
    reason = reason_of(command.reason)
    if state.tier == command.tier and state.ceilings == command.ceilings:
        return ()
    return (
        Placed(
            employee=command.employee,
            before=state.tier,
            tier=command.tier,
            ceilings=command.ceilings,
            reason=reason,
            rules_version=command.rules_version,
        ),
    )


def fine(command: Fine, state: EmployeeState) -> Events:
    """Decide the fine for an incident. An incident is fined once, and not after a granted appeal."""
    known = command.incident in state.fined or command.incident in state.reversed
    rule = command.rules.fines.get(command.kind)
    if rule is None or known or state.phase == "dismissed":
        return ()
    return (
        Fined(
            employee=command.employee,
            incident=command.incident,
            percent=rule.percent,
            tasks=rule.tasks,
            reason=command.reason,
            rule=command.kind,
            rules_version=command.rules.version,
        ),
    )
