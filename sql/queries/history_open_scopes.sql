SELECT {columns} FROM {schema}.{table} WHERE scope = ANY($1::uuid[]) AND newest AND to_seq = {far}
