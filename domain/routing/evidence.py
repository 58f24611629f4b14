"""The evidence about one version of an employee: counts of verified and failed attempts, cost and time.

All numbers are integers: counts and rates in micro-units, costs in micro-dollars, times in microseconds. The Accountant
and the manager compute them with the same functions from the same events.
"""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from domain.routing.fixed_point import MICRO

KEPT = 990_000
"""The part of all earlier evidence that is kept at a new attempt, in micro-units."""
COST_KEPT = 900_000
"""The part of earlier costs and times that is kept. Prices change at once, and a cost varies less than a result."""
INHERITED = MICRO // 2
"""The part of the evidence that a new version inherits from the version before it."""
ALARM_DRIFT = 150_000
ALARM_AT = 3 * MICRO
"""Change detection (Page's test): the sum of expected minus observed results, less a drift at each attempt."""
KEPT_AFTER_ALARM = 250_000

SHADOW_WEIGHT = MICRO // 2
"""The weight of an attempt of a shadow run. A person chose its task, often one on which somebody failed."""
STAFF_WEIGHT = 2 * MICRO
"""The weight of the staff's average as the prior of a version, in attempts."""
VERSION_WEIGHT_MAX = 20 * MICRO
"""The largest weight of a version's overall rate as the prior of one skill, in attempts."""
STAFF_RATE_STEP = 50_000
"""The staff's average is rounded to this step, so that it does not move at each attempt."""


class Attempt(Struct, frozen=True, kw_only=True, gc=False):
    """The result of one attempt. `rate`: the rate that was expected at an untried task. `rate_now`: at this task,
    after the failures of others. `weight`: 1 for usual work, less for work that says less. All in micro-units.
    """

    verified: bool
    rate: int
    rate_now: int
    cost: int
    time: int = 0
    weight: int = MICRO


class Evidence(Struct, frozen=True, kw_only=True, gc=False):
    """The evidence about one version: overall, or for one skill. `alarm`: the sum of the change detection."""

    verified: int = 0
    failed: int = 0
    attempts: int = 0
    cost: int = 0
    cost_weight: int = 0
    time: int = 0
    alarm: int = 0


NONE = Evidence()


class Posterior(Struct, frozen=True, gc=False):
    """A Beta distribution of a rate: the counts of successes and failures, in micro-units."""

    successes: int
    failures: int

    @property
    def mean(self) -> int:
        total = self.successes + self.failures
        return self.successes * MICRO // total if total else MICRO // 2


def after(evidence: Evidence, attempt: Attempt) -> Evidence:
    """Return the evidence after one more attempt. An attempt with a smaller weight raises no alarm."""
    weight = attempt.weight
    alarm = _alarm(evidence, attempt) if weight == MICRO else evidence.alarm
    kept = KEPT_AFTER_ALARM if alarm >= ALARM_AT else KEPT
    failure = weight_of_failure(attempt) * weight // MICRO
    return Evidence(
        verified=evidence.verified * kept // MICRO + (weight if attempt.verified else 0),
        failed=evidence.failed * kept // MICRO + (0 if attempt.verified else failure),
        attempts=evidence.attempts + 1,
        cost=evidence.cost * COST_KEPT // MICRO + attempt.cost * weight // MICRO,
        cost_weight=evidence.cost_weight * COST_KEPT // MICRO + weight,
        time=evidence.time * COST_KEPT // MICRO + attempt.time * weight // MICRO,
        alarm=0 if alarm >= ALARM_AT else alarm,
    )


def weight_of_failure(attempt: Attempt) -> int:
    """Return the weight of a failure: 1 at an untried task, and less at a task that others have failed.

    With a rate p at untried tasks and r * p at this one, a success counts 1 and a failure counts r(1-p) / (1-rp). So
    the mean stays p for an employee of rate p, whatever its turn was. Without this, those who get the hard tasks last
    would seem weak.
    """
    rate, now = attempt.rate, attempt.rate_now
    if rate <= 0 or now >= rate:
        return MICRO
    return now * (MICRO - rate) * MICRO // (rate * (MICRO - now))


def inherited(evidence: Evidence) -> Evidence:
    """Return the evidence with which a new version of the same employee begins. Cost and alarm begin anew."""
    return Evidence(verified=evidence.verified * INHERITED // MICRO, failed=evidence.failed * INHERITED // MICRO)


def since_regression(evidence: Evidence, verified: int, tasks: int) -> Evidence:
    """Return the evidence about all work of a version after a finding that its rate fell.

    `verified` of `tasks` since the change replace the counts, with the weight of the earlier counts at most. Cost and
    time stay, because the finding says nothing about them.
    """
    weight = min(tasks * MICRO, evidence.verified + evidence.failed)
    good = weight * verified // tasks if tasks else 0
    return replace(evidence, verified=good, failed=weight - good, alarm=0)


def skill_since_regression(evidence: Evidence) -> Evidence:
    """Return the evidence about one skill after such a finding. The rate of all work since the change is its prior."""
    return replace(evidence, verified=0, failed=0, alarm=0)


def staff_rate(overall: Iterable[Evidence]) -> int:
    """Return the average rate of all versions, rounded. Each version counts once, however often it was tried."""
    tried = [evidence for evidence in overall if evidence.attempts]
    return average_rate(sum(map(smoothed_rate, tried)), len(tried))


def smoothed_rate(evidence: Evidence) -> int:
    """Return the rate of a version with two invented attempts, one of them verified."""
    tried = evidence.verified + evidence.failed
    return (evidence.verified + STAFF_WEIGHT // 2) * MICRO // (tried + STAFF_WEIGHT)


def average_rate(total: int, count: int) -> int:
    """Return the staff's average rate, rounded. `total`: the sum of the smoothed rates of `count` versions."""
    total, count = total + MICRO, count + 2  # two invented versions of rate one half
    rounded = (total // count + STAFF_RATE_STEP // 2) // STAFF_RATE_STEP * STAFF_RATE_STEP
    return min(max(rounded, STAFF_RATE_STEP), MICRO - STAFF_RATE_STEP)


def posterior(staff: int, overall: Evidence, skill: Evidence) -> Posterior:
    """Return the posterior of a version at a skill.

    Its prior is the version's overall rate, whose prior is the staff's average. So a skill without evidence begins
    at what is known about the version, and a version without evidence at what is known about the staff.
    """
    successes = STAFF_WEIGHT * staff // MICRO + overall.verified
    total = STAFF_WEIGHT + overall.verified + overall.failed
    weight = min(total, VERSION_WEIGHT_MAX)
    elsewhere = weight * successes // total
    return Posterior(elsewhere + skill.verified, weight - elsewhere + skill.failed)


def cost_of(evidence: Evidence, listed: int, listed_weight: int = 2 * MICRO) -> int:
    """Return the expected cost of an attempt: the average of measured costs and of the listed price."""
    return (listed * listed_weight // MICRO + evidence.cost) * MICRO // (listed_weight + evidence.cost_weight)


def _alarm(evidence: Evidence, attempt: Attempt) -> int:
    missed = attempt.rate_now - (MICRO if attempt.verified else 0)
    return max(0, evidence.alarm + missed - ALARM_DRIFT)
