-- The events that the event $1 has caused, of those after $2 and up to $3. Each envelope in this part of the log is read.
SELECT e.seq, e.envelope, p.bytes, v.reason
FROM log.event e LEFT JOIN log.payload p USING (seq) LEFT JOIN log.void v USING (seq)
WHERE e.seq > $2 AND e.seq <= $3 AND e.type <> 'alien' AND convert_from(e.envelope, 'UTF8')::jsonb ->> 'cause' = $1
ORDER BY e.seq
