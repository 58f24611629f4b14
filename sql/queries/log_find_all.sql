-- The events with these ids. A repeated id is void, so only the first event of an id counts.
SELECT DISTINCT ON (e.id) e.seq, e.envelope, p.bytes, v.reason
FROM log.event e LEFT JOIN log.payload p USING (seq) LEFT JOIN log.void v USING (seq)
WHERE e.id = ANY($1) ORDER BY e.id, e.seq
