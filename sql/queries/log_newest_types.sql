-- The newest events of some types ($2) before $1, at most $3. Only their sequences are sorted, and each type is read from
-- the end of its index.
SELECT e.seq, e.envelope, p.bytes, v.reason
FROM (
    SELECT DISTINCT newest.seq FROM unnest($2::text[]) AS t(type) CROSS JOIN LATERAL (
        SELECT n.seq FROM log.event n WHERE n.type = t.type AND n.seq < $1 ORDER BY n.seq DESC LIMIT $3
    ) AS newest ORDER BY newest.seq DESC LIMIT $3
) AS found JOIN log.event e USING (seq) LEFT JOIN log.payload p USING (seq) LEFT JOIN log.void v USING (seq)
ORDER BY e.seq DESC
