-- The tasks on which an employee works now.
SELECT t.employee, t.scope AS run, r.title, t.name AS task, t.attempts
FROM manager.task t JOIN manager.run r ON r.scope = t.scope
WHERE t.phase IN ('assigned', 'calling', 'answered', 'submitted') AND r.phase <> 'ended' AND t.employee IS NOT NULL
ORDER BY t.employee, r.submitted_at, t.name
