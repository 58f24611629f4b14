SELECT nspname FROM pg_namespace WHERE nspname = ANY ($1::text[])
