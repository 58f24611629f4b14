"""The ceilings of tiers, as routing applies them: what an employee may do, and why it may not (ADR 0086)."""

from collections.abc import Mapping
from uuid import UUID

from msgspec.structs import replace

from domain.employee import Profile
from domain.routing.skill import TaskFacts, skill_of
from domain.routing.terms import WorkTerms, skill_for
from domain.task import TaskState
from domain.tiers import NO_CEILINGS, Ceilings

HIGH_RISK = "its tier does no task of high risk"


def within_ceilings(profile: Profile, ceilings: Ceilings) -> Profile:
    """Return the profile with no more slots, and no larger budget of a session, than its tier allows."""
    if ceilings == NO_CEILINGS:
        return profile
    most, usd_max, session = ceilings.open_attempts_max, ceilings.attempt_usd_max, profile.session
    if usd_max is not None and session is not None and session.usd_max > usd_max:
        session = replace(session, usd_max=usd_max)
    return replace(profile, slots=profile.slots if most is None else min(profile.slots, most), session=session)


def above_ceilings(
    task: TaskState, profiles: Mapping[UUID, Profile], ceilings: Mapping[UUID, Ceilings], work: WorkTerms
) -> dict[UUID, str]:
    """Return the employees whose tier does not allow them the task, with the reason."""
    reasons: dict[UUID, str] = {}
    for who, profile in profiles.items():
        limits = ceilings.get(who, NO_CEILINGS)
        usd, usd_max = profile.call_usd_max, limits.attempt_usd_max
        if usd is not None and usd_max is not None and usd > usd_max:
            reasons[who] = f"a call may cost {usd} USD, and its tier allows {usd_max} USD"
        elif not limits.high_risk and is_risky(task, work):
            reasons[who] = HIGH_RISK
    return reasons


def is_risky(task: TaskState, work: WorkTerms) -> bool:
    """Return whether a task has a high risk: by its paths, or because the requirement says so."""
    skill = skill_for(work, task.name, len(task.criteria), task.scope, "answer")
    if skill is None:  # a submission of an earlier release does not say what it delivers
        skill = skill_of(TaskFacts(deliver="", language="", criteria=len(task.criteria), paths=tuple(task.scope)))
    return skill.risk == "high"
