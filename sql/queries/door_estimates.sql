-- The runs that have an estimate, the newest first. $1: one run, or NULL for all.
SELECT e.*, e.scope AS run, r.title, r.spent_usd, r.spent_tokens
FROM accountant.estimate e JOIN manager.run r ON r.scope = e.scope
WHERE $1::uuid IS NULL OR e.scope = $1
ORDER BY e.submitted_at DESC
