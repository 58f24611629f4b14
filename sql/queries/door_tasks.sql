SELECT t.key AS task, t.name, t.phase, t.attempts, t.employee, p.name AS employee_name, t.verdict, t.reason, t.tree
FROM manager.task t LEFT JOIN hr.person p ON p.scope = t.employee
WHERE t.scope = $1 ORDER BY t.name
