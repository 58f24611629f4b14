"""Discovery: the models of servers that can be reached, and the coding agents on PATH."""
