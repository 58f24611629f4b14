-- The newest events of a run ($2) before $1, at most $5. $3: types. $4: roles. A filter that is NULL lets every event pass.
SELECT e.seq, e.envelope, p.bytes, v.reason
FROM log.event e LEFT JOIN log.payload p USING (seq) LEFT JOIN log.void v USING (seq)
WHERE e.run = $2 AND e.seq < $1
  AND ($3::text[] IS NULL OR e.type = ANY($3))
  AND ($4::text[] IS NULL OR convert_from(e.envelope, 'UTF8')::jsonb ->> 'role' = ANY($4))
ORDER BY e.seq DESC LIMIT $5
