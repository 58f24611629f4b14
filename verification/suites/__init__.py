"""Test suites: given pytest suites, and the suite of a base."""
