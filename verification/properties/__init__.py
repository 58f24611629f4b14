"""Trials of properties: drawing of inputs outside the sandbox, checks, and search for smaller counterexamples."""
