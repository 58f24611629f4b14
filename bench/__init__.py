"""Benchmarks and other measurements. The installed program does not contain this package."""
