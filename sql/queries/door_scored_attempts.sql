SELECT scope AS run, task, version, skill, number, again, session, outcome, usd, dropped, integrity, false_claim, assigned, ended
FROM accountant.scored_attempt
WHERE employee = $1 AND outcome <> ''
ORDER BY assigned_at DESC, key
LIMIT 500
