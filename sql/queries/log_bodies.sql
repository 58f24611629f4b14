SELECT e.seq, e.envelope, p.bytes, p.salt, p.blobs
FROM log.event e LEFT JOIN log.payload p USING (seq)
WHERE e.seq > $1 ORDER BY e.seq LIMIT $2
