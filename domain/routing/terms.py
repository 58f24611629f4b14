"""The terms of routing: what the organisation decides for all tasks, and what a submission says about its own tasks."""

from collections.abc import Collection, Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct

from domain.attempt import Form
from domain.errors import Invalid
from domain.money import USD_MAX, Amount
from domain.routing.fixed_point import MICRO
from domain.routing.record import ValueSource
from domain.routing.skill import Skill, TaskFacts, skill_of
from domain.routing.strategies import STRATEGIES

TURNS = "turns"
"""The strategy of an organisation that has set none."""
FOUNDED_WITH = "cascade"
"""The strategy with which `aura up` founds an organisation."""
REVIEW = "review"
"""The deliverable of a review, which has no criteria."""


class RoutingSetting(Struct, frozen=True, kw_only=True, gc=False):
    """The organisation's setting. `value_usd`: the value of a verified task; None: the run's budget by its tasks."""

    strategy: str
    value_usd: Decimal | None = None


class WorkTerms(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The facts of a submission from which skills and values follow. Without a deliverable, the skill is not known.

    `skill`: parts of the skill that the requirement states for each task. `skills`: for one task, by its name.
    `value_usd`: the value of each verified task. `values_usd`: of one task, by its name.
    """

    deliver: str = ""
    language: str = ""
    skill: Mapping[str, str] = {}
    skills: Mapping[str, Mapping[str, str]] = {}
    value_usd: Decimal | None = None
    values_usd: Mapping[str, Decimal] = {}


def checked_setting(setting: RoutingSetting) -> RoutingSetting:
    """Return the setting unchanged. Raises Invalid for an unknown strategy or an impossible value."""
    if setting.strategy not in STRATEGIES:
        raise Invalid(
            f"There is no routing strategy {setting.strategy}.", hint=f"Write one of: {', '.join(STRATEGIES)}."
        )
    check_value(setting.value_usd)
    return setting


def check_value(value_usd: Decimal | None) -> None:
    """Raise Invalid if the value of a task is not an amount of money above 0."""
    if value_usd is None:
        return
    if Amount(value_usd).counted() != Amount(value_usd) or micro_usd(value_usd) < 1:
        raise Invalid(
            f"The value of a verified task is {value_usd} USD.",
            hint=f"Give at least 0.000001 and at most {USD_MAX} USD.",
        )


def check_terms(terms: WorkTerms, tasks: Collection[str]) -> None:
    """Raise Invalid if the terms name an unknown task, an impossible part of a skill or an impossible value."""
    for name in (*terms.skills, *terms.values_usd):
        if name not in tasks:
            raise Invalid(f"There is no task {name}.", hint=f"Write one of: {', '.join(tasks)}.")
    for value in (terms.value_usd, *terms.values_usd.values()):
        check_value(value)
    for parts in (terms.skill, *terms.skills.values()):
        skill_of(TaskFacts(deliver="", language="", criteria=1, paths=()), parts)


def skill_for(terms: WorkTerms, name: str, criteria: int, paths: Iterable[str], form: Form) -> Skill | None:
    """Return the skill of a task for employees with this form of work; None if the submission does not say enough."""
    if not terms.deliver:
        return None
    deliver = terms.deliver if criteria else REVIEW
    facts = TaskFacts(deliver=deliver, language=terms.language, criteria=criteria, paths=tuple(paths), form=form)
    return skill_of(facts, {**terms.skill, **terms.skills.get(name, {})})


def value_of(
    terms: WorkTerms, name: str, setting: RoutingSetting, budget_usd: Decimal, tasks: int
) -> tuple[int, ValueSource]:
    """Return the value of a verified task in micro-dollars, and its origin. `tasks`: the number of the run's tasks."""
    if name in terms.values_usd:
        return micro_usd(terms.values_usd[name]), "task"
    if terms.value_usd is not None:
        return micro_usd(terms.value_usd), "run"
    if setting.value_usd is not None:
        return micro_usd(setting.value_usd), "organisation"
    return micro_usd(budget_usd / max(1, tasks)), "budget"


def micro_usd(usd: Decimal) -> int:
    """Return an amount of dollars in micro-dollars."""
    return int((usd * MICRO).to_integral_value(ROUND_HALF_UP))
