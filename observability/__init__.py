"""The state of a process as it tells it: health, metrics, consumer lag, the process registry, log lines."""
