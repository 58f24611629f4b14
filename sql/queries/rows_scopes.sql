SELECT {columns} FROM {schema}.{table} WHERE scope = ANY($1::uuid[]) ORDER BY scope, key
