"""The events, commands and profile of an employee. `domain/employee.py` has the rules, and gives these names too."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

import msgspec

from domain.attempt import Form
from domain.employee_event import EmployeeEvent as EmployeeEvent
from domain.ladder import StrikeRules
from domain.message import NAMESPACE, Command, derive
from domain.tiers import Ceilings, Tier


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
    `accounts`: the accounts of its server through which its calls go, in order; none: one key without a name.
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
    accounts: tuple[str, ...] = ()

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

    Name, slots, prices, accounts and time limits do not change the version. The form of its work does.
    """
    content: tuple[object, ...] = (
        *(profile.provider, profile.server, profile.model, profile.model_digest, profile.style, profile.scripted),
        *(profile.output_tokens_max, profile.prompt_tokens_max, sorted(profile.parameters.items())),
    )
    if profile.session is not None:
        content += ("session", profile.session.calls_max, profile.session.tokens_max)
    return derive(NAMESPACE, "employee-version", msgspec.json.encode(content).decode())


class Hired(EmployeeEvent, frozen=True, kw_only=True):
    """An employee was hired, or got a new profile.

    `tier` and `ceilings`: the start of its career; None at a new profile, which changes neither, and in events of
    version 4 and earlier, which had no tiers. `shadow_tasks_min`: the shadow tasks that a new employee must pass before
    it gets other work.
    """

    type = "employee.hired"
    version = 5
    profile: Profile
    tier: Tier | None = None
    ceilings: Ceilings | None = None
    shadow_tasks_min: int = 0


class Warned(EmployeeEvent, frozen=True, kw_only=True):
    """A strike was answered with a warning. `rule` and `rules_version`: the rule of HR and the version of all rules."""

    type = "employee.warned"
    version = 2
    incident: UUID
    reason: str
    rule: str = ""
    rules_version: str = ""


class Suspended(EmployeeEvent, frozen=True, kw_only=True):
    """The employee gets no work. `incident`: the strike that is the cause. `until`: the end (microseconds UTC) or None.

    `rule`: "blacklist", the step of a strike, or empty for a decision of the Director.
    """

    type = "employee.suspended"
    version = 2
    incident: UUID | None
    reason: str
    until: int | None = None
    rule: str = ""
    rules_version: str = ""


class Reinstated(EmployeeEvent, frozen=True, kw_only=True):
    """The suspension has ended, with all its causes. In events of version 1, it also cleared the strikes.

    `rule`: "term", "appeal" or "rehire"; empty for a decision of the Director.
    """

    type = "employee.reinstated"
    version = 2
    reason: str
    strikes_kept: bool = True
    rule: str = ""


class Dismissed(EmployeeEvent, frozen=True, kw_only=True):
    """The employment has ended. The record stays. Another employee may use the name.

    `incident`: the strike that is the cause. `rehire_from`: the time (microseconds UTC) before which nobody may hire
    the employee again; None: at any time.
    """

    type = "employee.dismissed"
    version = 2
    reason: str
    incident: UUID | None = None
    rehire_from: int | None = None
    rule: str = ""
    rules_version: str = ""


class Rehired(EmployeeEvent, frozen=True, kw_only=True):
    """A dismissed employee has its employment again, with its record and strikes.

    `suspended`: a suspension from before the dismissal goes on. `rule`: "appeal" if an appeal reversed the dismissal.
    `tier`, `ceilings`: those of its career from now on; None without a career.
    """

    type = "employee.rehired"
    version = 2
    reason: str
    profile: Profile
    probation: bool = True
    suspended: bool = False
    rule: str = ""
    tier: Tier | None = None
    ceilings: Ceilings | None = None


class Appealed(EmployeeEvent, frozen=True, kw_only=True):
    """Somebody asked the Director to reverse a strike."""

    type = "employee.appealed"
    incident: UUID
    grounds: str


class AppealDecided(EmployeeEvent, frozen=True, kw_only=True):
    """The Director decided an appeal. If it is granted, the strike counts no more."""

    type = "employee.appeal_decided"
    incident: UUID
    granted: bool
    reason: str


class Renamed(EmployeeEvent, frozen=True, kw_only=True):
    type = "employee.renamed"
    name: str


class Hire(Command, frozen=True, kw_only=True):
    """`blacklisted`: the versions that nobody may be hired with. `tier`, `ceilings`: the start of a new career.

    `shadow_tasks_min`: the shadow tasks that a new employee must pass first.
    """

    employee: UUID
    profile: Profile
    blacklisted: tuple[UUID, ...] = ()
    tier: Tier | None = None
    ceilings: Ceilings | None = None
    shadow_tasks_min: int = 0


class Strike(Command, frozen=True, kw_only=True):
    """HR's answer to one integrity finding: a step of the ladder of `rules`.

    Without rules: a warning, or a suspension if the employee then has STRIKES_MAX strikes.
    """

    employee: UUID
    incident: UUID
    reason: str
    rules: StrikeRules | None = None


class Suspend(Command, frozen=True, kw_only=True):
    """`until`: the end of the suspension (microseconds UTC); None: until the Director reinstates the employee."""

    employee: UUID
    reason: str
    until: int | None = None


class SuspendVersion(Command, frozen=True, kw_only=True):
    """HR's answer to a blacklisted version: suspend the employee if this still is its version."""

    employee: UUID
    employee_version: UUID
    reason: str


class EndTerm(Command, frozen=True, kw_only=True):
    """End a suspension if all its terms have ended."""

    employee: UUID


class Reinstate(Command, frozen=True, kw_only=True):
    """`blacklisted`: the versions that may not work."""

    employee: UUID
    reason: str
    blacklisted: tuple[UUID, ...] = ()


class Dismiss(Command, frozen=True, kw_only=True):
    employee: UUID
    reason: str


class Rehire(Command, frozen=True, kw_only=True):
    """`blacklisted`: the versions that may not work. `ceilings`: those of the tier `probation`; None: no tier."""

    employee: UUID
    reason: str
    blacklisted: tuple[UUID, ...] = ()
    ceilings: Ceilings | None = None


class Appeal(Command, frozen=True, kw_only=True):
    """Ask the Director to reverse a strike. `filings_max`: the most appeals of one strike."""

    employee: UUID
    incident: UUID
    grounds: str
    filings_max: int


class DecideAppeal(Command, frozen=True, kw_only=True):
    employee: UUID
    incident: UUID
    granted: bool
    reason: str


class Rename(Command, frozen=True, kw_only=True):
    employee: UUID
    name: str
