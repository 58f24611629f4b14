SELECT e.seq, e.envelope, p.bytes, v.reason
FROM log.event e LEFT JOIN log.payload p USING (seq) LEFT JOIN log.void v USING (seq)
WHERE e.id = $1 ORDER BY e.seq LIMIT 1
