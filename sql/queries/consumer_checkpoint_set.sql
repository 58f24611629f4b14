INSERT INTO {schema}.checkpoint (seq, version) VALUES ($1, $2)
