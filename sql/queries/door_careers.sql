SELECT scope AS employee, employed, tier, ceilings, since, verified, failed, tier_verified, tier_failed, evidence_at,
    handicap_percent
FROM accountant.career
ORDER BY scope
