SELECT {columns} FROM {schema}.{table} WHERE newest AND to_seq = {far}
