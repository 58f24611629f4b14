"""Adequacy of the cases: trivial stubs, mutants, and weak criteria."""
