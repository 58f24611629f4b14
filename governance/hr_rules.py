"""The rules of HR, read from a TOML file: strikes, rehires, appeals (ADR 0081), tiers, trust and fines (ADR 0086)."""

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec.structs import replace

from domain.career_messages import FineRules
from domain.employee import Hire
from domain.errors import Invalid, NotFound
from domain.ladder import Step, StrikeRules
from domain.tiers import Ceilings, Tier, TierRules
from domain.tree import digest_of
from governance.tier_rules import FineLine, TierTable, TrustRules, fine_problems, fine_rules, tier_problems, tier_rules

FILE = "hr.toml"
"""The name of the file in the home that replaces the default rules."""
STEPS_MAX = 10
DAYS_MAX = 3650
FILE_BYTES_MAX = 64 * 1024
HINT = "`aura rules show` shows rules that are valid. docs/workforce.md explains each key."

Days = Annotated[int, msgspec.Meta(ge=0, le=DAYS_MAX)]


class Probation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The terms for leaving a probation: verified tasks, and the percentage of submitted work that was verified.

    `shadow_tasks_min`: the shadow tasks that a new employee must pass before it gets other work.
    """

    verified_tasks_min: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    verified_percent_min: Annotated[int, msgspec.Meta(ge=1, le=100)]
    shadow_tasks_min: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0


class RehireRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`after_days`: the wait after an employment that a strike has ended."""

    after_days: Days


class AppealRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`filings_max`: the most appeals of one strike."""

    filings_max: Annotated[int, msgspec.Meta(ge=1, le=100)]


class LadderStep(Step, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step of the ladder in the file."""


class HrRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All rules of HR."""

    ladder: tuple[LadderStep, ...]
    probation: Probation
    rehire: RehireRules
    appeals: AppealRules
    tiers: TierTable
    trust: TrustRules
    fines: tuple[FineLine, ...] = ()

    @property
    def version(self) -> str:
        """The version of the rules: a digest of their content. Comments and layout do not change it."""
        return "hr-" + digest_of(msgspec.json.encode(self, order="sorted"))[:12]

    @property
    def of_strikes(self) -> StrikeRules:
        """The rules that a strike carries to its decision."""
        ladder = tuple(Step(action=step.action, days=step.days) for step in self.ladder)
        return StrikeRules(version=self.version, ladder=ladder, rehire_days=self.rehire.after_days)

    @property
    def of_tiers(self) -> TierRules:
        """The rules that a decision about a tier carries."""
        leaves = (self.probation.verified_tasks_min, self.probation.verified_percent_min)
        return tier_rules(self.tiers, self.trust, self.version, leaves)

    @property
    def of_fines(self) -> FineRules:
        """The rules that a fine carries to its decision."""
        return fine_rules(self.fines, self.version)

    @property
    def start(self) -> tuple[Tier, Ceilings]:
        """The tier of a new employee, and its ceilings."""
        return self.tiers.start, self.of_tiers.of(self.tiers.start).ceilings


_rules = msgspec.json.Decoder(HrRules)


def parse(text: str, where: str) -> HrRules:
    """Return the rules of a TOML text. Raises Invalid, which says what is wrong in `where` and what to write."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{where} is not valid TOML: {error}.", hint=HINT, code="rules_invalid") from None
    try:
        rules = _rules.decode(msgspec.json.encode(content))
    except msgspec.ValidationError as error:
        raise Invalid(f"{where} has a rule that is not valid: {error}.", hint=HINT, code="rules_invalid") from None
    problems = list(_problems(rules.ladder))
    if problems:
        raise Invalid(f"{where} has an impossible ladder.", hint="\n".join(problems), code="rules_invalid")
    problems = [*tier_problems(rules.tiers), *fine_problems(rules.fines)]
    if problems:
        raise Invalid(
            f"{where} has tiers or fines that contradict each other.", hint="\n".join(problems), code="rules_invalid"
        )
    return rules


def _problems(ladder: tuple[LadderStep, ...]) -> Iterator[str]:
    """Yield what to change in the ladder, one sentence for each problem."""
    if not 1 <= len(ladder) <= STEPS_MAX:
        yield f"Write 1 to {STEPS_MAX} tables [[ladder]]. The file has {len(ladder)}."
    for number, step in enumerate(ladder, start=1):
        if step.action != "suspend" and step.days is not None:
            yield f"Step {number} ({step.action}): remove `days`. Only a suspension has a term."
        if step.days is not None and not 1 <= step.days <= DAYS_MAX:
            yield f"Step {number}: write `days` from 1 to {DAYS_MAX}, or leave it out for a suspension without a term."
        if step.action == "end" and number < len(ladder):
            yield f"Step {number} ends the employment, so no step can follow. Remove the steps after it."
        earlier = ladder[number - 2] if number > 1 else None
        if earlier is not None and _strength(step) < _strength(earlier):
            yield f"Step {number} is milder than step {number - 1}. Write the steps from the mildest to the strictest."


def _strength(step: LadderStep) -> tuple[int, int]:
    """Return a value that is larger for a stricter step."""
    days = DAYS_MAX + 1 if step.days is None else step.days
    return ("warn", "suspend", "end").index(step.action), days if step.action == "suspend" else 0


def read(path: Path) -> HrRules:
    """Return the rules of a file. Raises NotFound without the file, and Invalid for a file that is not valid."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.", hint="Give the path of a TOML file with rules of HR.") from None
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.", hint="Give a file that can be read.") from None
    if len(content) > FILE_BYTES_MAX:
        raise Invalid(f"{path} has more than {FILE_BYTES_MAX} bytes.", hint=HINT, code="rules_invalid")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise Invalid(f"{path} is not UTF-8 text.", hint="Save the file as UTF-8.", code="rules_invalid") from None
    return parse(text, str(path))


@cache
def default() -> HrRules:
    """Return the rules that come with this release."""
    text = files("governance").joinpath("hr_rules.toml").read_text(encoding="utf-8")
    return parse(text, "governance/hr_rules.toml")


def with_start(hire: Hire, home: Path) -> Hire:
    """Return the hire with the start of a new employee. Raises Invalid if the home's file is not valid."""
    rules = in_force(home)
    tier, ceilings = rules.start
    return replace(hire, tier=tier, ceilings=ceilings, shadow_tasks_min=rules.probation.shadow_tasks_min)


def source_in(home: Path) -> Path | None:
    """Return the home's own file of rules; None if it has none."""
    path = home / FILE
    return path if path.exists() else None


def in_force(home: Path) -> HrRules:
    """Return the home's own rules, or the default rules. Raises Invalid if the home's file is not valid."""
    path = source_in(home)
    return default() if path is None else read(path)
