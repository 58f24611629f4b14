"""The state that a process reports: health, metrics, consumer lag, the process registry, log lines."""
