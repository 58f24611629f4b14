-- The last attempts of each employee that have ended, at most $1. `verdict_us`: mean time of the verdicts about its work.
-- Attempts of shadow runs are attempts, too.
SELECT employee, cost_usd, tokens, seconds, verified, fault, coalesce(verdict_us, 0) AS verdict_us
FROM (
    SELECT a.employee, coalesce(a.cost_usd, 0) AS cost_usd, a.tokens, coalesce(a.verified, false) AS verified, a.fault,
           (a.call_finished_at - a.assigned_at) / 1000000.0 AS seconds,
           row_number() OVER (PARTITION BY a.employee ORDER BY a.assigned_at DESC, a.key) AS place
    FROM auditor.attempt a
    WHERE a.call_finished_at IS NOT NULL AND (a.verified IS NOT NULL OR a.outcome NOT IN ('answered', 'no_code'))
) AS ended
LEFT JOIN (
    SELECT key::uuid AS employee, coalesce(sum(verdict_us) / nullif(sum(verified) + sum(rejected), 0), 0) AS verdict_us
    FROM (
        SELECT key, verdict_us, verified, rejected FROM accountant.account
        UNION ALL
        SELECT key, verdict_us, verified, rejected FROM accountant.shadow_account
    ) AS accounts
    GROUP BY key
) AS verdicts USING (employee)
WHERE place <= $1
ORDER BY employee, place
