UPDATE {schema}.{table} AS t SET to_seq = k.seq, newest = k.gone
FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::boolean[]) AS k (scope, key, seq, gone)
WHERE t.scope = k.scope AND t.key = k.key AND t.newest AND t.to_seq = {far}
RETURNING t.scope, t.key, t.born_seq
