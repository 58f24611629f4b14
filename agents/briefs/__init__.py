"""Briefs: the texts that tell an employee or a reviewer about the task."""
