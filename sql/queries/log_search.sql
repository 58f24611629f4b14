SELECT e.seq, e.envelope, p.bytes, v.reason
FROM log.event e LEFT JOIN log.payload p USING (seq) LEFT JOIN log.void v USING (seq)
CROSS JOIN LATERAL (SELECT CASE WHEN e.type <> 'alien' THEN convert_from(e.envelope, 'UTF8')::jsonb END AS says) AS x
WHERE e.seq > $1 AND e.seq <= $2
  AND ($3::uuid IS NULL OR e.run = $3)
  AND ($4::text IS NULL OR starts_with(e.type, $4))
  AND ($5::uuid IS NULL OR e.entity = $5 OR x.says ->> 'employee' = $5::text)
  AND ($6::text IS NULL OR x.says ->> 'role' = $6 OR starts_with(x.says ->> 'principal', $6))
  AND ($7::bigint IS NULL OR (x.says ->> 'occurred_at')::bigint >= $7)
  AND ($8::bigint IS NULL OR (x.says ->> 'occurred_at')::bigint <= $8)
ORDER BY e.seq LIMIT $9
