WITH moved AS (UPDATE {schema}.checkpoint SET seq = $2 WHERE seq = $1 RETURNING 1){parts}
SELECT count(*) FROM moved
