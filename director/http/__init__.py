"""The HTTP API: people sign in, read, follow the log and send commands. It holds no Director's key."""
