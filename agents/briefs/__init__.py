"""Briefs are the texts that describe a task to an employee or a reviewer."""
