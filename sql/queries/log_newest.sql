-- The newest events before $1 and not before $2, at most $6. $3: types. $4: employee or other entity. $5: roles. A filter that
-- is NULL lets every event pass. The caller limits the range, because these filters read each envelope in it.
SELECT e.seq, e.envelope, p.bytes, v.reason
FROM log.event e LEFT JOIN log.payload p USING (seq) LEFT JOIN log.void v USING (seq)
CROSS JOIN LATERAL (SELECT CASE WHEN e.type <> 'alien' THEN convert_from(e.envelope, 'UTF8')::jsonb END AS says) AS x
WHERE e.seq < $1 AND e.seq >= $2
  AND ($3::text[] IS NULL OR e.type = ANY($3))
  AND ($4::uuid IS NULL OR e.entity = $4 OR x.says ->> 'employee' = $4::text)
  AND ($5::text[] IS NULL OR x.says ->> 'role' = ANY($5))
ORDER BY e.seq DESC LIMIT $6
