INSERT INTO {schema}.checkpoint (seq, version, commands_after) VALUES ($1, $2, $3)
