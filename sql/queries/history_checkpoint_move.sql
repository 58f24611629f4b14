UPDATE {schema}.checkpoint SET seq = $3 WHERE seq = $1 AND purges = $2 RETURNING seq
