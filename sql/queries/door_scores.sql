SELECT s.*, p.name, p.provider, p.scripted, p.phase, p.strikes, p.reversed, p.until, p.probation, p.tier
FROM accountant.score s LEFT JOIN hr.person p ON p.scope = s.employee
ORDER BY s.verified DESC, p.name
