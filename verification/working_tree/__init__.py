"""Comparison of a submitted folder with its base, by the rules of git. The program git never runs."""
