"""Benchmarks and measurements; nothing here is part of the installed program."""
