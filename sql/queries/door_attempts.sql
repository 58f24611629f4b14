SELECT a.key AS order_id, a.task, t.name AS task_name, a.employee, p.name AS employee_name, a.attempt, a.form, a.calls, a.assigned_at,
       a.call_started_at, a.call_finished_at, a.outcome, a.message, a.fault, a.estimated, a.provider, a.model, a.model_digest, a.scripted,
       a.prompt, a.answer, a.tokens, a.cost_usd, a.tree, a.verdict, a.verified, a.findings
FROM auditor.attempt a
LEFT JOIN manager.task t ON t.scope = a.scope AND t.key = a.task::text
LEFT JOIN hr.person p ON p.scope = a.employee
WHERE a.scope = $1 ORDER BY a.assigned_at, t.name, a.attempt
