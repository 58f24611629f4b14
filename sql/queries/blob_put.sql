INSERT INTO log.blob (digest, bytes)
SELECT b.* FROM unnest($1::text[], $2::bytea[]) AS b (digest, bytes) ORDER BY b.digest
ON CONFLICT (digest) DO NOTHING
