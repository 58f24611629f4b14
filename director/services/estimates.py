"""The price of a run before it begins: an estimate from the record, and its comparison with the facts afterwards."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

import msgspec

from bus.store import Store
from director.services.attempt_orders import attempt_orders
from director.services.cost_views import ESTIMATES, PAST, EstimateLine, PastAttempt
from director.services.run_simulation import Attempt, Past, Work, estimate
from director.services.session import archive
from director.services.submit import in_order
from director.services.views import PEOPLE
from director.settings import Settings
from domain.employee import Profile
from domain.estimate import Comparison, Estimate, Estimates, calibration, micro
from verification.requirements.model import Requirement

PAST_ATTEMPTS = 100
"""The last attempts of each employee from which an estimate follows."""
MICRO = 1_000_000
_profile = msgspec.json.Decoder(Profile)
_estimate = msgspec.json.Decoder(Estimate)


async def estimate_for(
    store: Store, requirement: Requirement, attempts_max: int, employees: Sequence[UUID] = ()
) -> Estimate | None:
    """Return the estimate of a run of this requirement; None if nobody with a known price can work.

    `employees`: the only ones that may do the work; empty if each employee may. The estimate of the same requirement,
    staff and record is the same.
    """
    people = [person for person in await PEOPLE.read(store) if person.phase == "working"]
    past: dict[UUID, list[Attempt]] = defaultdict(list)
    for line in await PAST.read(store, PAST_ATTEMPTS):
        past[line.employee].append(_attempt(line))
    staff = {
        person.employee: (profile, _past_of(profile, past[person.employee]))
        for person in people
        if not employees or person.employee in employees
        if (profile := _profile.decode(person.profile)).call_usd_max is not None
    }
    work = _work(requirement, attempts_max)
    orders = await attempt_orders(store, requirement, {who: profile for who, (profile, _) in staff.items()})
    work = msgspec.structs.replace(work, orders=orders)
    return estimate(work, [each for _, each in staff.values()], seed=len(requirement.source))


async def estimated(settings: Settings, requirement: Requirement, attempts_max: int) -> Estimate | None:
    """Return the estimate of a run that is not submitted."""
    async with archive(settings) as store:
        return await estimate_for(store, requirement, attempts_max)


async def list_estimates(settings: Settings) -> Estimates:
    """Return all estimates with the facts, and how often they held."""
    async with archive(settings) as store:
        runs = tuple(_compared(line) for line in await ESTIMATES.read(store, None))
    held = [run for run in runs if run.usd_held is not None]
    return Estimates(
        runs=runs,
        usd=calibration([(run.estimate.micro_usd, micro(run.usd)) for run in held]),
        seconds=calibration([(run.estimate.seconds, run.seconds or 0) for run in held]),
    )


async def comparison_of(store: Store, run: UUID) -> Comparison | None:
    """Return the estimate of a run beside the facts; None if the run has no estimate."""
    line = await ESTIMATES.first(store, run)
    return _compared(line) if line else None


def _work(requirement: Requirement, attempts_max: int) -> Work:
    """Return the tasks in the order of their dependencies. A review comes after all other tasks."""
    tasks = in_order(requirement)
    place = {task.id: number for number, task in enumerate(tasks)}
    after = [tuple(place[name] for name in task.after) for task in tasks]
    if requirement.review:
        after.append(tuple(range(len(tasks))))
    budget = requirement.budget
    return Work(
        after=tuple(after),
        attempts_max=attempts_max,
        usd=Decimal(budget.usd),
        tokens=budget.tokens,
        seconds=budget.minutes * 60,
    )


def _attempt(line: PastAttempt) -> Attempt:
    seconds = float(line.seconds + line.verdict_us / MICRO)
    return Attempt(
        usd=line.cost_usd, tokens=line.tokens, seconds=seconds, verified=line.verified, counts=not line.fault
    )


def _past_of(profile: Profile, attempts: Sequence[Attempt]) -> Past:
    """Return what the estimate needs of an employee with a known price."""
    assert profile.call_usd_max is not None
    terms = profile.session
    usd, tokens = (terms.usd_max, terms.tokens_max) if terms else (profile.call_usd_max, profile.call_tokens_max)
    return Past(slots=profile.slots, usd_max=usd, tokens_max=tokens, attempts=tuple(attempts))


def _compared(line: EstimateLine) -> Comparison:
    made = _estimate.decode(line.estimate)
    seconds = (line.delivered_at - line.submitted_at) // MICRO if line.delivered_at else None
    return Comparison(
        run=line.run,
        title=line.title,
        estimate=made,
        usd=line.spent_usd,
        tokens=line.spent_tokens,
        seconds=seconds,
        outcome=line.outcome,
        usd_held=None if seconds is None else made.micro_usd.holds(micro(line.spent_usd)),
        seconds_held=None if seconds is None else made.seconds.holds(seconds),
    )
