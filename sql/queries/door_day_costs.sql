-- The charges of each UTC day since $1 (microseconds), the oldest day first. $2: one employee, or NULL for all.
SELECT to_char(to_timestamp(c.at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, sum(c.usd) AS usd,
       sum(c.tokens)::bigint AS tokens, count(*)::bigint AS calls, count(*) FILTER (WHERE c.unpriced)::bigint AS unpriced
FROM accountant.charge c
WHERE c.at >= $1 AND ($2::uuid IS NULL OR c.employee = $2)
GROUP BY 1 ORDER BY 1
