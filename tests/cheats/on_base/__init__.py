"""Cheats against a base, in groups by the freedom that they abuse. Each has an honest control."""
