"""The parts of a process: the composition root, the table of roles, its settings, and its ordered end."""
