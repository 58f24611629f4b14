SELECT e.seq, e.type, e.envelope, p.bytes, p.salt, p.blobs, v.reason
FROM log.event e LEFT JOIN log.payload p USING (seq) LEFT JOIN log.void v USING (seq)
WHERE e.seq > $1 ORDER BY e.seq LIMIT $2
