SELECT s.order_id, s.task_name, s.attempt, s.employee, w.name AS employee_name, s.passed_over, p.name AS passed_over_name, s.reason
FROM manager.stand_in s
LEFT JOIN hr.person w ON w.scope = s.employee
LEFT JOIN hr.person p ON p.scope = s.passed_over
WHERE s.scope = $1 ORDER BY s.task_name, s.attempt, s.key
