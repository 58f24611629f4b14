SELECT '{schema}' AS consumer, seq FROM {schema}.checkpoint
