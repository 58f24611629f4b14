SELECT s.employee, p.name, s.version, f.maker, f.model, f.provider, f.agent, s.skill, s.attempts, s.verified, s.rejected,
    s.failed, s.declined, s.faults, s.first_attempts, s.first_verified, s.retries, s.handed_in, s.drifted, s.claims,
    s.false_claims, s.integrity, s.criteria, s.usd, s.time_us
FROM accountant.scorecard s
LEFT JOIN accountant.version_facts f ON f.scope = s.version
LEFT JOIN hr.person p ON p.scope = s.employee
ORDER BY p.name, s.version, s.skill
