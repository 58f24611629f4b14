SELECT seq, version FROM {schema}.checkpoint
