SELECT {columns} FROM {schema}.{table} WHERE from_seq <= $1 AND to_seq > $1
