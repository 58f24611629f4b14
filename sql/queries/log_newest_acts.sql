-- The newest events of people before $1, at most $4. $2: types; NULL lets every type pass. $3: bytes that the envelope has,
-- as '"role":"user"'. The events are read from the end of the index of people's events, until there are enough.
SELECT e.seq, e.envelope, p.bytes, v.reason
FROM (
    SELECT n.seq, n.envelope FROM log.event n
    WHERE log.by_person(n.envelope) AND n.seq < $1 AND n.type <> 'alien'
      AND ($2::text[] IS NULL OR n.type = ANY($2)) AND position($3::bytea IN n.envelope) > 0
    ORDER BY n.seq DESC LIMIT $4
) AS e LEFT JOIN log.payload p USING (seq) LEFT JOIN log.void v USING (seq)
ORDER BY e.seq DESC
