"""Requirement files: reading, checking, and the model of what they say."""
