"""The names of the consumers that have rows. A command that only needs the names does not import their code."""

CONSUMER_NAMES = ("manager", "verifier", "auditor", "accountant", "hr")
"""In the order of `runtime/roles.py`, which a test compares with this list."""
