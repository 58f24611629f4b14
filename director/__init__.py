"""The Director's interfaces. They send commands and show results. Only the governance gate decides about a command."""
