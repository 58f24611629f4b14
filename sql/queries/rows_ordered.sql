SELECT {columns} FROM {schema}.{table} ORDER BY scope, key COLLATE "C"
