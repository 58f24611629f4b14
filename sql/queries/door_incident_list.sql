SELECT i.key::uuid AS incident, i.kind, i.rule, i.severity, i.phase, i.follows, i.detail, i.strike, i.event, i.evidence, i.limits, i.measured,
    NULLIF(i.scope, i.key::uuid) AS run, i.task, i.employee, p.name AS employee_name, i.version, i.raised_at, i.changed_at, i.changed_by, i.reason
FROM auditor.incident i LEFT JOIN hr.person p ON p.scope = i.employee
WHERE ($1::uuid IS NULL OR i.scope = $1) AND ($2::uuid IS NULL OR i.employee = $2) ORDER BY i.raised_at, i.key
