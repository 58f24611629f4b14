"""Careers for screens: tiers, their ceilings, fines, and the date of the next loss of trust."""

from decimal import Decimal
from uuid import UUID

import msgspec

from bus.store import Store
from director.services.views import CAREERS
from director.settings import Settings
from domain.errors import Invalid
from domain.tiers import Ceilings, Record, Tier, loses_trust_at
from governance import hr_rules

_ceilings = msgspec.json.Decoder(Ceilings | None)
_tier = msgspec.json.Decoder(Tier | None)


class Career(msgspec.Struct, frozen=True, kw_only=True):
    """The career of an employee. `lower`, `upper`: the bounds of its rate of verified attempts, in micro-units.

    `tier_verified`, `tier_failed`: its attempts since the tier began, at `since`. `handicap_percent`: what fines add to
    its costs in routing. `loses_trust_at`: when it falls a tier if it gets no work until then; None: never.
    """

    employee: UUID
    tier: Tier
    since: int
    high_risk: bool
    attempt_usd_max: Decimal | None
    open_attempts_max: int | None
    lower: int
    upper: int
    tier_verified: int
    tier_failed: int
    handicap_percent: int
    loses_trust_at: int | None


async def careers_in(store: Store, settings: Settings) -> dict[UUID, Career]:
    """Return the careers of all employees that have one. Without valid rules, no date of a loss is known."""
    try:
        rules = hr_rules.in_force(settings.root).of_tiers
    except Invalid:
        rules = None
    careers = {}
    for line in await CAREERS.read(store):
        tier, ceilings = _tier.decode(line.tier), _ceilings.decode(line.ceilings)
        if tier is None or ceilings is None:
            continue
        record = Record(
            verified=line.verified,
            failed=line.failed,
            tier_verified=line.tier_verified,
            tier_failed=line.tier_failed,
            at=line.evidence_at,
        )
        lower, upper = record.bounds
        careers[line.employee] = Career(
            employee=line.employee,
            tier=tier,
            since=line.since,
            high_risk=ceilings.high_risk,
            attempt_usd_max=ceilings.attempt_usd_max,
            open_attempts_max=ceilings.open_attempts_max,
            lower=lower,
            upper=upper,
            tier_verified=line.tier_verified,
            tier_failed=line.tier_failed,
            handicap_percent=line.handicap_percent,
            loses_trust_at=loses_trust_at(tier, record, rules) if rules is not None and line.employed else None,
        )
    return careers
