DELETE FROM {schema}.{table} WHERE scope = $1
