"""Processes: which there are, how one serves, and how they end."""
