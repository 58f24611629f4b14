WITH moved AS (UPDATE log.checkpoint SET seq = $2 WHERE name = 'recorder' AND seq = $1 RETURNING 1),
kept AS (
    INSERT INTO log.event (seq, id, type, entity, run, envelope)
    SELECT r.* FROM moved, unnest($3::bigint[], $4::uuid[], $5::text[], $6::uuid[], $7::uuid[], $8::bytea[])
        AS r (seq, id, type, entity, run, envelope)
),
paid AS (
    INSERT INTO log.payload (seq, salt, bytes, blobs)
    SELECT r.seq, r.salt, r.bytes, string_to_array(r.blobs, ',')
    FROM moved, unnest($9::bigint[], $10::bytea[], $11::bytea[], $12::text[]) AS r (seq, salt, bytes, blobs)
),
used AS (
    INSERT INTO log.blob_use (digest, seq)
    SELECT r.* FROM moved, unnest($13::text[], $14::bigint[]) AS r (digest, seq)
),
voided AS (
    INSERT INTO log.void (seq, reason) SELECT r.* FROM moved, unnest($15::bigint[], $16::text[]) AS r (seq, reason)
)
SELECT count(*) FROM moved
