-- One page of the incidents, the newest first. $1: the incident before the page, or NULL. $2: phases. $3: severity. $4: run.
-- $5: employee. $6: the most incidents. A filter that is NULL lets every incident pass.
SELECT i.key::uuid AS incident, i.kind, i.rule, i.severity, i.phase, i.follows, i.detail, i.strike, i.event, i.evidence, i.limits, i.measured,
    NULLIF(i.scope, i.key::uuid) AS run, i.task, i.employee, p.name AS employee_name, i.version, i.raised_at, i.changed_at, i.changed_by, i.reason
FROM auditor.incident i LEFT JOIN hr.person p ON p.scope = i.employee
WHERE ($1::uuid IS NULL OR (i.raised_at, i.key) < (SELECT b.raised_at, b.key FROM auditor.incident b WHERE b.key = $1::text))
  AND ($2::text[] IS NULL OR i.phase = ANY($2))
  AND ($3::text IS NULL OR i.severity = $3)
  AND ($4::uuid IS NULL OR i.scope = $4)
  AND ($5::uuid IS NULL OR i.employee = $5)
ORDER BY i.raised_at DESC, i.key DESC LIMIT $6
