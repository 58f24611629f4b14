SELECT version.* FROM {schema}.{table} AS life
CROSS JOIN LATERAL (
    SELECT {columns} FROM {schema}.{table} AS v
    WHERE v.scope = life.scope AND v.key = life.key AND v.from_seq <= $1 ORDER BY v.from_seq DESC LIMIT 1
) AS version
WHERE life.newest AND life.born_seq <= $1 AND life.to_seq > $1 AND life.scope = $2 AND life.key > $3::text
ORDER BY life.key LIMIT $4
