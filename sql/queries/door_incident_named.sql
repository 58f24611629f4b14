-- The incidents whose id begins with $1, the newest first; for 'last' the newest one.
SELECT i.key::uuid AS incident, i.kind, i.rule, i.severity, i.phase, i.follows, i.detail, i.strike, i.event, i.evidence, i.limits, i.measured,
    NULLIF(i.scope, i.key::uuid) AS run, i.task, i.employee, p.name AS employee_name, i.version, i.raised_at, i.changed_at, i.changed_by, i.reason
FROM auditor.incident i LEFT JOIN hr.person p ON p.scope = i.employee
WHERE $1::text = 'last' OR starts_with(i.key, $1)
ORDER BY i.raised_at DESC, i.key DESC LIMIT CASE WHEN $1 = 'last' THEN 1 ELSE 100 END
