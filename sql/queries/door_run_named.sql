-- The ids of the runs whose id begins with $1, the newest first; for 'last' the id of the newest run.
SELECT r.scope AS run FROM manager.run r
WHERE $1::text = 'last' OR starts_with(r.scope::text, $1)
ORDER BY r.submitted_at DESC, r.scope DESC LIMIT CASE WHEN $1 = 'last' THEN 1 ELSE 100 END
