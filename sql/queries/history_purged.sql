UPDATE {schema}.checkpoint SET purges = purges + 1
