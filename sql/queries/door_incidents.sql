SELECT i.kind, i.detail, i.strike, i.employee, p.name AS employee_name, i.scope, i.raised_at
FROM auditor.incident i LEFT JOIN hr.person p ON p.scope = i.employee
WHERE $1::uuid IS NULL OR i.scope = $1 ORDER BY i.raised_at, i.key
