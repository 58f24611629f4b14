"""Execution of cases: they run in a sandbox, and their values are compared outside it."""
