"""What a process says of itself: health, metrics, consumer lag, the process registry, lines of its log."""
