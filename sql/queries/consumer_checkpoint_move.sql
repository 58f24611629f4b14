UPDATE {schema}.checkpoint SET seq = $1
