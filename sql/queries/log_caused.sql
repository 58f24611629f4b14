SELECT e.seq, e.envelope, p.bytes, v.reason
FROM log.event e LEFT JOIN log.payload p USING (seq) LEFT JOIN log.void v USING (seq)
WHERE e.type <> 'alien' AND convert_from(e.envelope, 'UTF8')::jsonb ->> 'cause' = $1 ORDER BY e.seq
