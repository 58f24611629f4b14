-- The newest events of some types ($2) and roles ($3) before $1, at most $4. Each type is read from the end of its index.
SELECT e.seq, e.envelope, p.bytes, v.reason
FROM (
    SELECT DISTINCT seq, envelope FROM unnest($2::text[]) AS t(type) CROSS JOIN LATERAL (
        SELECT n.seq, n.envelope FROM log.event n WHERE n.type = t.type AND n.seq < $1
          AND ($3::text[] IS NULL OR CASE WHEN n.type <> 'alien' THEN convert_from(n.envelope, 'UTF8')::jsonb ->> 'role' END = ANY($3))
        ORDER BY n.seq DESC LIMIT $4
    ) AS newest
) AS e LEFT JOIN log.payload p USING (seq) LEFT JOIN log.void v USING (seq)
ORDER BY e.seq DESC LIMIT $4
