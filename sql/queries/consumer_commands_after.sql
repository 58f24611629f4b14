SELECT commands_after FROM {schema}.checkpoint
