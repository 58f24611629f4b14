"""The box that code under test runs in."""
