SELECT '{table}' AS kind, row_to_json(row)::text AS record FROM (SELECT {columns} FROM {schema}.{table}) AS row
