"""The parts of a process: composition root, table of roles, settings, and drain at the end."""
