"""Given pytest suites and the suite of a base."""
