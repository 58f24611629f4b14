UPDATE {schema}.checkpoint SET seq = $2 WHERE seq = $1
