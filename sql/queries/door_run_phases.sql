-- The number of open runs in each phase, and of ended runs by outcome since $1 (microseconds UTC).
SELECT phase, outcome, count(*)::bigint AS runs FROM manager.run
WHERE phase <> 'ended' OR ended_at >= $1 GROUP BY phase, outcome ORDER BY phase, outcome
