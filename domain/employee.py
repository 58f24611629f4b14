"""An employee has an id, made at hire, and one version at a time. Its strikes belong to the id (ADR 0030)."""

from collections.abc import Mapping
from decimal import Decimal
from math import inf
from typing import Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.attempt import CALLS_MAX, Form
from domain.errors import Invalid, NotFound, Refused
from domain.message import NAMESPACE, Command, Erased, Event, derive
from domain.money import ZERO_USD, Amount, checked

STRIKES_MAX = 2
"""The number of integrity findings at which an employee is suspended. Each earlier finding is a warning."""


SESSION_MINUTES_MAX = 600.0


class EmployeeEvent(Event, frozen=True, kw_only=True):
    """An event of an employee."""

    employee: UUID

    def entity(self) -> tuple[str, UUID]:
        return "employee", self.employee


class SessionTerms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The limits of one session. They apply to all its calls together.

    `usd_max` and `tokens_max` are reserved before the session. If the run has less left, this rest is reserved.
    """

    calls_max: int = 60
    minutes: float = 30.0
    tokens_max: int = 1_000_000
    usd_max: Decimal = Decimal(1)


class Profile(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The profile of an employee. If `call_usd_max` is None, the price is unknown and no budget can be reserved.

    If `prompt_usd_max` is None, the prompt's part of `call_usd_max` is unknown. `server`: scheme, host and port; empty
    if it is unknown or runs in the organisation. `parameters`: other request parameters that change the answers.
    """

    name: str
    provider: str
    model: str
    model_digest: str | None
    style: str
    scripted: bool
    slots: int = 1  # the most calls at the same time
    output_tokens_max: int = 512
    call_tokens_max: int = 4096  # upper bound of prompt and answer together, reserved before the call
    call_usd_max: Decimal | None = Decimal("0")  # upper bound of one call
    call_wall_s: float = 60.0
    prompt_usd_max: Decimal | None = None  # the part of `call_usd_max` for the longest prompt
    server: str = ""
    parameters: Mapping[str, str] = {}
    session: SessionTerms | None = None

    @property
    def form(self) -> Form:
        """The form of the employee's attempts."""
        return "answer" if self.session is None else "session"

    @property
    def prompt_tokens_max(self) -> int:
        """The most tokens of a call's prompt."""
        return self.call_tokens_max - self.output_tokens_max


def version_of(profile: Profile) -> UUID:
    """Return the id of a profile's version. Profiles with comparable answers have the same version.

    Name, slots, prices and time limits do not change the version. The form of its work does.
    """
    content: tuple[object, ...] = (
        *(profile.provider, profile.server, profile.model, profile.model_digest, profile.style, profile.scripted),
        *(profile.output_tokens_max, profile.prompt_tokens_max, sorted(profile.parameters.items())),
    )
    if profile.session is not None:
        content += ("session", profile.session.calls_max, profile.session.tokens_max)
    return derive(NAMESPACE, "employee-version", msgspec.json.encode(content).decode())


class Hired(EmployeeEvent, frozen=True, kw_only=True):
    """An employee was hired, or got a new profile."""

    type = "employee.hired"
    version = 4
    profile: Profile


class Warned(EmployeeEvent, frozen=True, kw_only=True):
    type = "employee.warned"
    incident: UUID
    reason: str


class Suspended(EmployeeEvent, frozen=True, kw_only=True):
    type = "employee.suspended"
    incident: UUID | None
    reason: str


class Reinstated(EmployeeEvent, frozen=True, kw_only=True):
    type = "employee.reinstated"
    reason: str


class Dismissed(EmployeeEvent, frozen=True, kw_only=True):
    """The employee was dismissed, which is final. Its record stays. Another employee may use its name."""

    type = "employee.dismissed"
    reason: str


class Renamed(EmployeeEvent, frozen=True, kw_only=True):
    type = "employee.renamed"
    name: str


class Hire(Command, frozen=True, kw_only=True):
    employee: UUID
    profile: Profile


class Strike(Command, frozen=True, kw_only=True):
    """HR's answer to one integrity finding: a warning, or a suspension if the employee then has STRIKES_MAX strikes."""

    employee: UUID
    incident: UUID
    reason: str


class Suspend(Command, frozen=True, kw_only=True):
    employee: UUID
    reason: str


class Reinstate(Command, frozen=True, kw_only=True):
    employee: UUID
    reason: str


class Dismiss(Command, frozen=True, kw_only=True):
    employee: UUID
    reason: str


class Rename(Command, frozen=True, kw_only=True):
    employee: UUID
    name: str


class EmployeeState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    phase: Literal["unknown", "working", "suspended", "dismissed"] = "unknown"
    profile: Profile | None = None
    strikes: tuple[UUID, ...] = ()


initial = EmployeeState()


def decide(command: Command, state: EmployeeState) -> tuple[EmployeeEvent, ...]:
    match command:
        case Hire(employee=employee, profile=profile):
            _sound(profile)
            _present(state)
            return () if state.profile == profile else (Hired(employee=employee, profile=profile),)
        case Strike(employee=employee, incident=incident, reason=reason):
            _known(state, employee)
            if incident in state.strikes or state.phase in ("suspended", "dismissed"):
                return ()
            if len(state.strikes) + 1 >= STRIKES_MAX:
                return (Suspended(employee=employee, incident=incident, reason=reason),)
            return (Warned(employee=employee, incident=incident, reason=reason),)
        case Suspend(employee=employee, reason=reason):
            _known(state, employee)
            _present(state)
            if state.phase == "suspended":
                raise Refused("This employee is already suspended.", hint="`aura employees` shows the staff.")
            return (Suspended(employee=employee, incident=None, reason=_reason(reason)),)
        case Reinstate(employee=employee, reason=reason):
            _known(state, employee)
            _present(state)
            if state.phase != "suspended":
                raise Refused("This employee is not suspended.", hint="`aura employees` shows the staff.")
            return (Reinstated(employee=employee, reason=_reason(reason)),)
        case Dismiss(employee=employee, reason=reason):
            _known(state, employee)
            return () if state.phase == "dismissed" else (Dismissed(employee=employee, reason=_reason(reason)),)
        case Rename(employee=employee, name=name):
            return _renamed(state, employee, name.strip())
    raise TypeError(f"not a command of an employee: {type(command).__name__}")


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


def _reason(text: str) -> str:
    if not text.strip():
        raise Invalid("A reason is needed, because it is recorded.", hint='Add --reason "why".')
    return text.strip()


def _known(state: EmployeeState, employee: UUID) -> None:
    if state.phase == "unknown":
        raise NotFound(f"No employee has the id {employee}.", hint="`aura employees` lists the staff.")


def _present(state: EmployeeState) -> None:
    if state.phase == "dismissed":
        raise Refused(
            "This employee was dismissed, and a dismissal is final.",
            hint="Hire a new employee with `aura hire NAME`. The new employee begins without the old record.",
            code="dismissed",
        )


def evolve(state: EmployeeState, event: Event | Erased) -> EmployeeState:
    match event:
        case Hired(profile=profile):
            return replace(state, phase="working" if state.phase == "unknown" else state.phase, profile=profile)
        case Warned(incident=incident):
            return replace(state, strikes=(*state.strikes, incident))
        case Suspended(incident=incident):
            strikes = state.strikes if incident is None else (*state.strikes, incident)
            return replace(state, phase="suspended", strikes=strikes)
        case Reinstated():
            return replace(state, phase="working", strikes=())
        case Dismissed():
            return replace(state, phase="dismissed")
        case Renamed(name=name) if state.profile is not None:
            return replace(state, profile=replace(state.profile, name=name))
    return state
