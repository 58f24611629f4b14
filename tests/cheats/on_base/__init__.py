"""Cheats against a base, by the freedom that each of them abuses, with an honest control beside each."""
