"""The command line: `aura`."""
