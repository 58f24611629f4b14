SELECT '{schema}' AS consumer, scope, key, error FROM {schema}.parked
