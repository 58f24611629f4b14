SELECT s.*, p.name
FROM accountant.shadow_score s LEFT JOIN hr.person p ON p.scope = s.employee
ORDER BY s.verified DESC, p.name
