SELECT seq, version, purges FROM {schema}.checkpoint
