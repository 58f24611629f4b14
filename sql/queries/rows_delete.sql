DELETE FROM {schema}.{table} t USING unnest($1::uuid[], $2::text[]) AS k(scope, key) WHERE t.scope = k.scope AND t.key = k.key
