-- The charges in groups. $1, $2: first time and end (microseconds UTC, NULL: open). $3: labels that a run must have, as
-- JSON. $4: the dimensions of the groups, of run, employee, provider, model, account, day, price and label. $5: names of
-- labels that are dimensions of their own.
WITH labels AS (
    SELECT scope, jsonb_object_agg(key, value ORDER BY key) AS all_of_run FROM accountant.label GROUP BY scope
), charges AS (
    SELECT c.*, coalesce(l.all_of_run, '{}'::jsonb) AS labels
    FROM accountant.charge c LEFT JOIN labels l USING (scope)
    WHERE ($1::bigint IS NULL OR c.at >= $1) AND ($2::bigint IS NULL OR c.at < $2)
      AND coalesce(l.all_of_run, '{}'::jsonb) @> $3::jsonb
), groups AS (
    SELECT CASE WHEN 'run' = ANY($4::text[]) THEN scope END AS run,
           CASE WHEN 'employee' = ANY($4) THEN employee END AS employee,
           CASE WHEN 'provider' = ANY($4) THEN provider END AS provider,
           CASE WHEN 'model' = ANY($4) THEN model END AS model,
           CASE WHEN 'account' = ANY($4) THEN account END AS account,
           CASE WHEN 'day' = ANY($4) THEN to_char(to_timestamp(at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD') END AS day,
           CASE WHEN 'price' = ANY($4) THEN price_source END AS price,
           CASE WHEN 'label' = ANY($4) THEN labels
                ELSE (SELECT coalesce(jsonb_object_agg(name, labels -> name), '{}'::jsonb) FROM unnest($5::text[]) name
                      WHERE labels ? name)
           END AS labels,
           usd, tokens, input_tokens, output_tokens, cut_off, unpriced, estimated
    FROM charges
)
SELECT g.run, r.title, g.employee, p.name, g.provider, g.model, g.account, g.day, g.price, g.labels::text AS labels,
       sum(g.usd) AS usd, sum(g.tokens)::bigint AS tokens, sum(g.input_tokens)::bigint AS input_tokens,
       sum(g.output_tokens)::bigint AS output_tokens, count(*)::bigint AS calls,
       count(*) FILTER (WHERE g.cut_off)::bigint AS cut_off, count(*) FILTER (WHERE g.unpriced)::bigint AS unpriced,
       count(*) FILTER (WHERE g.estimated)::bigint AS estimated
FROM groups g
LEFT JOIN manager.run r ON r.scope = g.run
LEFT JOIN hr.person p ON p.scope = g.employee
GROUP BY g.run, r.title, r.submitted_at, g.employee, p.name, g.provider, g.model, g.account, g.day, g.price, g.labels
ORDER BY g.day DESC NULLS LAST, r.submitted_at DESC NULLS LAST, usd DESC, g.labels, g.model, p.name, g.account
