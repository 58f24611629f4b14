"""Execution of cases. A case runs in a sandbox, and its results are compared outside the sandbox."""
