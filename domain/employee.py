"""An employee has an id, made at hire, and one version at a time. Its strikes belong to the id (ADR 0030, 0081)."""

from math import inf
from uuid import UUID

from msgspec.structs import replace

from domain import career, discipline
from domain.attempt import CALLS_MAX
from domain.career_messages import Assess as Assess
from domain.career_messages import Demoted as Demoted
from domain.career_messages import Fine as Fine
from domain.career_messages import Fined as Fined
from domain.career_messages import LoseTrust as LoseTrust
from domain.career_messages import Place as Place
from domain.career_messages import Placed as Placed
from domain.career_messages import Promoted as Promoted
from domain.career_messages import TierChanged as TierChanged
from domain.discipline import STRIKES_MAX as STRIKES_MAX
from domain.discipline import refuse_blacklisted
from domain.employee_messages import Appeal as Appeal
from domain.employee_messages import AppealDecided as AppealDecided
from domain.employee_messages import Appealed as Appealed
from domain.employee_messages import DecideAppeal as DecideAppeal
from domain.employee_messages import Dismiss as Dismiss
from domain.employee_messages import Dismissed as Dismissed
from domain.employee_messages import EmployeeEvent as EmployeeEvent
from domain.employee_messages import EndTerm as EndTerm
from domain.employee_messages import Hire as Hire
from domain.employee_messages import Hired as Hired
from domain.employee_messages import Profile as Profile
from domain.employee_messages import Rehire as Rehire
from domain.employee_messages import Rehired as Rehired
from domain.employee_messages import Reinstate as Reinstate
from domain.employee_messages import Reinstated as Reinstated
from domain.employee_messages import Rename as Rename
from domain.employee_messages import Renamed as Renamed
from domain.employee_messages import SessionTerms as SessionTerms
from domain.employee_messages import Strike as Strike
from domain.employee_messages import Suspend as Suspend
from domain.employee_messages import Suspended as Suspended
from domain.employee_messages import SuspendVersion as SuspendVersion
from domain.employee_messages import Warned as Warned
from domain.employee_messages import version_of as version_of
from domain.employee_state import BLACKLIST as BLACKLIST
from domain.employee_state import DIRECTOR
from domain.employee_state import EmployeeState as EmployeeState
from domain.employee_state import evolve as evolve
from domain.employee_state import initial as initial
from domain.errors import Invalid, NotFound, Refused
from domain.message import Command
from domain.model_account import checked_accounts_of
from domain.money import ZERO_USD, Amount, checked
from domain.reason import reason_of
from domain.reviewer_check import RecordReviewerCheck as RecordReviewerCheck
from domain.reviewer_check import ReviewerChecked as ReviewerChecked
from domain.reviewer_check import checked as check_recorded

SESSION_MINUTES_MAX = 600.0


def decide(command: Command, state: EmployeeState) -> tuple[EmployeeEvent, ...]:
    match command:
        case Hire(employee=employee, profile=profile):
            _sound(profile)
            _present(state)
            if state.profile == profile:
                return ()
            refuse_blacklisted(profile, command.blacklisted)
            if state.phase != "unknown":
                return (Hired(employee=employee, profile=profile),)
            start = Hired(employee=employee, profile=profile, tier=command.tier, ceilings=command.ceilings)
            return (replace(start, shadow_tasks_min=max(0, command.shadow_tasks_min)),)
        case Strike():
            _known(state, command.employee)
            return discipline.strike(command, state)
        case Suspend():
            return _suspend(command, state)
        case SuspendVersion():
            return discipline.suspend_version(command, state)
        case EndTerm():
            return discipline.end_term(command, state)
        case Reinstate(employee=employee, reason=reason):
            _known(state, employee)
            _present(state)
            if state.phase != "suspended" or state.profile is None:
                raise Refused("This employee is not suspended.", hint="`aura employees` shows the staff.")
            refuse_blacklisted(state.profile, command.blacklisted)
            return (Reinstated(employee=employee, reason=reason_of(reason)),)
        case Dismiss(employee=employee, reason=reason):
            _known(state, employee)
            return () if state.phase == "dismissed" else (Dismissed(employee=employee, reason=reason_of(reason)),)
        case Rehire():
            _known(state, command.employee)
            return discipline.rehire(command, state)
        case Appeal():
            _known(state, command.employee)
            return discipline.appeal(command, state)
        case DecideAppeal():
            _known(state, command.employee)
            return discipline.decide_appeal(command, state)
        case Assess() | LoseTrust() | Place() | Fine():
            return _career(command, state)
        case Rename(employee=employee, name=name):
            return _renamed(state, employee, name.strip())
        case RecordReviewerCheck():
            _known(state, command.employee)
            return (check_recorded(command),)
    raise TypeError(f"not a command of an employee: {type(command).__name__}")


def _career(command: Assess | LoseTrust | Place | Fine, state: EmployeeState) -> tuple[EmployeeEvent, ...]:
    _known(state, command.employee)
    match command:
        case Assess():
            return career.assess(command, state)
        case LoseTrust():
            return career.lose_trust(command, state)
        case Place():
            _present(state)
            return career.place(command, state)
        case Fine():
            return career.fine(command, state)


def _suspend(command: Suspend, state: EmployeeState) -> tuple[EmployeeEvent, ...]:
    """Decide the Director's suspension. It may come after one by HR: then each cause must end."""
    _known(state, command.employee)
    _present(state)
    if DIRECTOR in state.holds:
        raise Refused("This employee is already suspended.", hint="`aura employees` shows the staff.")
    if command.until is not None and command.until <= command.at:
        raise Invalid("The end of a suspension must be in the future.", hint="Give --days 1 or more.")
    reason = reason_of(command.reason)
    return (Suspended(employee=command.employee, incident=None, reason=reason, until=command.until),)


def _renamed(state: EmployeeState, employee: UUID, name: str) -> tuple[EmployeeEvent, ...]:
    _known(state, employee)
    _present(state)
    if not name:
        raise Invalid("An employee needs a name.", hint="Use letters, digits, - and _.")
    if state.profile is not None and state.profile.name == name:
        return ()
    return (Renamed(employee=employee, name=name),)


def _sound(profile: Profile) -> None:
    if profile.slots < 1 or not profile.name.strip():
        raise Invalid("An employee needs a name and at least one slot.", hint="Give --name and --slots 1.")
    if profile.output_tokens_max < 1 or profile.call_tokens_max < 1 or not 0 < profile.call_wall_s < inf:
        raise Invalid(
            "The limits of an employee's call must be above 0.",
            hint="Give a number above 0. There is no value for 'no limit'.",
        )
    usd = ZERO_USD if profile.call_usd_max is None else profile.call_usd_max
    checked(Amount(usd, profile.call_tokens_max), "The upper bound of a call")
    if profile.prompt_usd_max is not None and not 0 <= profile.prompt_usd_max <= usd:
        raise Invalid(
            "A prompt cannot cost more than its whole call.", hint="Give prompt_usd_max between 0 and call_usd_max."
        )
    checked_accounts_of(profile.accounts)
    if profile.session is not None:
        _sound_session(profile.session)


def _sound_session(terms: SessionTerms) -> None:
    if not 1 <= terms.calls_max <= CALLS_MAX:
        raise Invalid(
            f"A session cannot have {terms.calls_max} calls.", hint=f"Give session.calls_max from 1 to {CALLS_MAX}."
        )
    if not 0 < terms.minutes <= SESSION_MINUTES_MAX or terms.tokens_max < 1:
        raise Invalid(
            "A session needs minutes and tokens.",
            hint=f"Give minutes above 0 and up to {SESSION_MINUTES_MAX:g}, and at least 1 token.",
        )
    checked(Amount(terms.usd_max, terms.tokens_max), "The reservation of a session")


def _known(state: EmployeeState, employee: UUID) -> None:
    if state.phase == "unknown":
        raise NotFound(f"No employee has the id {employee}.", hint="`aura employees` lists the staff.")


def _present(state: EmployeeState) -> None:
    if state.phase == "dismissed":
        raise Refused(
            "This employee was dismissed.",
            hint="`aura rehire NAME --reason …` brings it back with its record. "
            "`aura hire NAME` hires a new employee without the old record.",
            code="dismissed",
        )
