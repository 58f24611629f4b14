SELECT a.scope AS run, r.title, sum(a.charged_usd) AS usd, sum(a.charged_tokens)::bigint AS tokens,
       sum(a.calls)::bigint AS calls, sum(a.cut_off)::bigint AS cut_off, sum(a.unpriced)::bigint AS unpriced
FROM accountant.account a LEFT JOIN manager.run r ON r.scope = a.scope
GROUP BY a.scope, r.title, r.submitted_at ORDER BY r.submitted_at DESC
