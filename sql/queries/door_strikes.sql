SELECT s.scope AS employee, p.name, s.kind, s.reason, s.at, s.incident, s.step, s.reversed, s.until, s.rule, s.rules_version
FROM hr.strike s LEFT JOIN hr.person p ON p.scope = s.scope
ORDER BY s.at, s.key
