"""The decisions about strikes, terms, blacklisted versions, appeals and rehires of an employee (ADR 0081)."""

from collections.abc import Collection
from uuid import UUID

from msgspec.structs import replace

from domain.employee_messages import (
    Appeal,
    AppealDecided,
    Appealed,
    DecideAppeal,
    Dismissed,
    EmployeeEvent,
    EndTerm,
    Profile,
    Rehire,
    Rehired,
    Reinstated,
    Strike,
    Suspended,
    SuspendVersion,
    Warned,
    version_of,
)
from domain.employee_state import BLACKLIST, EmployeeState, evolve
from domain.errors import LimitReached, NotFound, Refused
from domain.ladder import StrikeRules, after_days
from domain.reason import reason_of

STRIKES_MAX = 2
"""Without rules: the number of integrity findings at which an employee is suspended."""
APPEAL, REHIRE, TERM = "appeal", "rehire", "term"
"""The rules of reinstatements and rehires."""

Events = tuple[EmployeeEvent, ...]


def strike(command: Strike, state: EmployeeState) -> Events:
    """Decide the answer to one finding. A finding is answered once, also if its strike was reversed."""
    known = command.incident in state.strikes or command.incident in state.reversed
    if known or state.phase == "dismissed":
        return ()
    if command.rules is not None:
        return (_by_ladder(command, command.rules, state),)
    if state.phase == "suspended":
        return ()
    kind = Suspended if len(state.strikes) + 1 >= STRIKES_MAX else Warned
    return (kind(employee=command.employee, incident=command.incident, reason=command.reason),)


def _by_ladder(command: Strike, rules: StrikeRules, state: EmployeeState) -> EmployeeEvent:
    employee, incident, reason = command.employee, command.incident, command.reason
    number = len(state.strikes) + 1
    step, rule = rules.step(number), f"strike {number}"
    if step.action == "warn":
        return Warned(employee=employee, incident=incident, reason=reason, rule=rule, rules_version=rules.version)
    if step.action == "suspend":
        return Suspended(
            employee=employee,
            incident=incident,
            reason=reason,
            until=after_days(command.at, step.days),
            rule=rule,
            rules_version=rules.version,
        )
    return Dismissed(
        employee=employee,
        incident=incident,
        reason=reason,
        rehire_from=after_days(command.at, rules.rehire_days),
        rule=rule,
        rules_version=rules.version,
    )


def suspend_version(command: SuspendVersion, state: EmployeeState) -> Events:
    """Suspend an employee of a blacklisted version once. An employee with another version by now is left alone."""
    present = state.profile is not None and version_of(state.profile) == command.employee_version
    if not present or state.phase == "dismissed" or BLACKLIST in state.holds:
        return ()
    return (Suspended(employee=command.employee, incident=None, reason=command.reason, rule=BLACKLIST),)


def end_term(command: EndTerm, state: EmployeeState) -> Events:
    if state.phase != "suspended" or state.until is None or state.until > command.at:
        return ()
    return (Reinstated(employee=command.employee, reason="The term of the suspension has ended.", rule=TERM),)


def appeal(command: Appeal, state: EmployeeState) -> Events:
    incident, known = command.incident, state.appeals.get(command.incident)
    if incident in state.reversed:
        raise Refused(f"The strike of incident {incident} is reversed already.", hint="It does not count any more.")
    if incident not in state.strikes:
        raise NotFound(
            f"This employee has no strike of incident {incident}.", hint="`aura employees --all` shows the strikes."
        )
    if known is not None and known.open:
        raise Refused(
            f"An appeal of the strike of incident {incident} is open.",
            hint="`aura appeal decide` decides it, with --grant or --deny.",
        )
    if known is not None and known.filed >= command.filings_max:
        raise LimitReached(
            f"The strike of incident {incident} was appealed {known.filed} times, and the rules allow no more.",
            hint="`aura rules show` shows the limit (appeals.filings_max).",
        )
    return (Appealed(employee=command.employee, incident=incident, grounds=reason_of(command.grounds)),)


def decide_appeal(command: DecideAppeal, state: EmployeeState) -> Events:
    """Close an open appeal. If it is granted, also end what came from the strike."""
    known = state.appeals.get(command.incident)
    if known is None or not known.open:
        raise Refused(
            f"No appeal of the strike of incident {command.incident} is open.",
            hint="`aura appeal list` lists the open appeals.",
        )
    reason = reason_of(command.reason)
    decided = AppealDecided(
        employee=command.employee, incident=command.incident, granted=command.granted, reason=reason
    )
    after = evolve(state, decided)
    if not command.granted:
        return (decided,)
    if state.phase == "suspended" and state.holds and not after.holds:
        return (decided, Reinstated(employee=command.employee, reason=reason, rule=APPEAL))
    if state.phase == "dismissed" and state.end is not None and state.end.strikes > len(after.strikes):
        return (decided, _rehired(command.employee, after, reason, probation=False, rule=APPEAL))
    return (decided,)


def rehire(command: Rehire, state: EmployeeState) -> Events:
    """Give a dismissed employee its employment again, on probation, and end a suspension from before."""
    if state.phase != "dismissed":
        raise Refused("This employee is not dismissed.", hint="`aura employees --all` shows the staff.")
    assert state.profile is not None
    refuse_blacklisted(state.profile, command.blacklisted)
    rehire_from = state.end.rehire_from if state.end is not None else None
    if rehire_from is not None and command.at < rehire_from:
        raise Refused(
            "A strike ended this employment, and the wait for a rehire is not over.",
            hint="`aura employees --all` shows when it is over. If the strike was wrong: `aura appeal file`.",
            code="rehire_too_early",
        )
    reason = reason_of(command.reason)
    rehired = _rehired(command.employee, state, reason, probation=True, rule="")
    if command.ceilings is not None:
        rehired = replace(rehired, tier="probation", ceilings=command.ceilings)
    if not state.holds:
        return (rehired,)
    return (rehired, Reinstated(employee=command.employee, reason=reason, rule=REHIRE))


def _rehired(employee: UUID, state: EmployeeState, reason: str, *, probation: bool, rule: str) -> Rehired:
    assert state.profile is not None
    return Rehired(
        employee=employee,
        reason=reason,
        profile=state.profile,
        probation=probation,
        suspended=bool(state.holds),
        rule=rule,
        tier=state.tier,
        ceilings=state.ceilings,
    )


def refuse_blacklisted(profile: Profile, blacklisted: Collection[UUID]) -> None:
    """Raise Refused if the profile's version is blacklisted."""
    version = version_of(profile)
    if version in blacklisted:
        raise Refused(
            f"Version {version} of {profile.name} ({profile.model}) is blacklisted: no employee may work with it.",
            hint="`aura blacklist list` shows why. Choose another model or other settings, "
            f"or take it off the list: aura blacklist remove {version} --reason …",
            code="blacklisted",
        )
