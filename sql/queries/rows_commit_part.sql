,
{table}_gone AS (
    DELETE FROM {schema}.{table} t USING moved, unnest({gone}) AS k (scope, key) WHERE t.scope = k.scope AND t.key = k.key
),
{table}_put AS (
    INSERT INTO {schema}.{table} ({columns}) SELECT r.* FROM moved, unnest({arrays}) AS r ({columns})
    ON CONFLICT (scope, key) DO UPDATE SET {assignments}
)
