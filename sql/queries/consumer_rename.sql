ALTER SCHEMA {schema} RENAME TO {target}
