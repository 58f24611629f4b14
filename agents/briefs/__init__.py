"""Briefs: the text that an employee or a reviewer is given."""
